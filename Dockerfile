# docker build -t telltale . && docker run --rm -p 127.0.0.1:8501:8501 --read-only --tmpfs /tmp -v telltale:/data telltale
# docs/deployment.md says the rest. Everything that is ever written lies in /data and /tmp.
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

# Before the code, so that a change of code installs nothing again. A container has no desktop: OpenCV without windows.
COPY requirements.txt .
RUN pip install -r requirements.txt \
    && pip install --force-reinstall --no-deps "opencv-python-headless>=4.12,<6"

COPY . .
# Compiled here, the models start without TensorFlow, and nothing is written beside them later.
RUN python -m detector.compilation && python -m compileall -q detector train ui pages streamlit_app.py \
    && useradd --uid 10001 --no-create-home telltale && install -d -o telltale /data

ENV HOME=/data TELLTALE_HOME=/data
USER telltale
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://localhost:8501/_stcore/health', timeout=4)"]
CMD ["python", "-m", "streamlit", "run", "streamlit_app.py", "--server.headless=true", \
     "--server.address=0.0.0.0", "--browser.serverAddress=localhost"]
