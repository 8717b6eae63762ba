"""What the endpoint offers, as OpenAPI and as a page for people that loads nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

from detector.records import FIELDS

JUDGE, HEALTH, OPENAPI = "/judge", "/health", "/openapi.json"
STATUSES = {
    "200": "The verdict.",
    "400": "The request holds no picture, or is none that HTTP allows.",
    "408": "The picture did not arrive in time.",
    "413": "The picture is too large.",
    "415": "The picture was sent as a form; send its bytes as the body.",
    "422": "The file cannot be read as a picture; error says why.",
    "429": "Too many requests from this client; the header Retry-After says when to come back.",
    "503": "Too many pictures are being judged; try again in a moment.",
}
NUMBERS = {"y_score", "unseen_share_ai", "logit", "threshold", "unsure_low", "unsure_high", "attention_peak"}
LISTS = {"turned_by", "notes"}
WHOLE = {"width", "height", "ordinary_copies", "agreeing_copies"}


def description(max_bytes: int) -> dict[str, Any]:
    """The OpenAPI document. max_bytes: of a picture."""
    failure = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    responses: dict[str, Any] = {}
    for status, meaning in STATUSES.items():
        name = "Record" if status in ("200", "422") else "Failure"
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        responses[status] = {"description": meaning, "content": content}
    judge = {
        "summary": "Judge one picture",
        "description": (
            f"The body is the file itself, at most {max_bytes / 2**20:.3g} MB. With ?quick no damaged copies"
            " are judged."
        ),
        "parameters": [
            {
                "name": "quick",
                "in": "query",
                "description": "Judge the picture alone and no damaged copies, which is many times faster.",
                "allowEmptyValue": True,
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        "responses": responses,
    }
    health = {"summary": "Whether the model is loaded", "responses": {"200": {"description": "It is."}}}
    record = {"type": "object", "properties": {name: _type(name) for name in (*FIELDS, "overlay")}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Telltale",
            "version": "1",
            "description": "Tells AI-generated images from real ones.",
        },
        "paths": {JUDGE: {"post": judge}, HEALTH: {"get": health}},
        "components": {"schemas": {"Record": record, "Failure": failure}},
    }


def page(document: dict[str, Any], address: str) -> str:
    """The document as HTML. address: under which the endpoint was asked, "http://localhost:8502/"."""
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Telltale</title>{_STYLE}<h1>Telltale</h1>"
    ]
    parts.append(f"<p>{escape(document['info']['description'])} <a href='openapi.json'>OpenAPI</a></p>")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2>")
            parts.append(
                f"<p>{escape(operation['summary'])}. {escape(operation.get('description', ''))}</p><dl>"
            )
            for status, response in operation["responses"].items():
                parts.append(f"<dt>{status}<dd>{escape(response['description'])}")
            parts.append("</dl>")
    parts.append(f"<pre>curl --data-binary @photo.jpg {escape(address.rstrip('/') + JUDGE)}</pre></html>")
    return "\n".join(parts)


_STYLE = (
    "<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;"
    "margin:2rem auto;padding:0 1rem}dl{display:grid;grid-template-columns:3rem 1fr}dd{margin:0}"
    "pre{overflow-x:auto}</style>"
)


def _type(name: str) -> dict[str, Any]:
    """A field's JSON type; each may be null."""
    if name in LISTS:
        return {"type": ["array", "null"], "items": {"type": "string"}}
    if name in NUMBERS:
        return {"type": ["number", "null"]}
    if name in WHOLE:
        return {"type": ["integer", "null"]}
    return {"type": ["boolean" if name == "diffuse" else "string", "null"]}
