"""What a session keeps of its pictures while its user is elsewhere."""

from streamlit.testing.v1 import AppTest

from ui.session import KEY

APP = """
import streamlit as st
from pages.classify import intake

if not st.checkbox("on another page"):
    intake.choose()
"""


def names(app: AppTest) -> list[str]:
    assert not app.exception
    return [picture.name for picture in app.session_state[KEY].album.pictures.values()]


def test_uploads_survive_a_visit_to_another_page_which_empties_the_uploader():
    app = AppTest.from_string(APP, default_timeout=60).run()
    app.file_uploader[0].set_value([("a.png", b"a", ""), ("b.png", b"b", "")]).run()
    app.checkbox[0].check().run()
    app.checkbox[0].uncheck().run()
    assert app.file_uploader[0].value == []
    assert names(app) == ["a.png", "b.png"]
    app.file_uploader[0].upload("c.png", b"c").run()
    assert names(app) == ["a.png", "b.png", "c.png"]


def test_the_last_upload_can_be_removed():
    app = AppTest.from_string(APP, default_timeout=60).run()
    app.file_uploader[0].upload("a.png", b"a").run()
    app.file_uploader[0].clear().run()
    assert names(app) == []
