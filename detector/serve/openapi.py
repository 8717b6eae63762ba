"""What the endpoint offers, as OpenAPI and as a page for people that loads nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

from detector.records import TYPES

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
JSON_TYPES = {str: "string", float: "number", int: "integer", bool: "boolean", list: "array"}


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
    record = {
        "type": "object",
        "properties": {name: _schema(kind) for name, kind in (TYPES | {"overlay": str}).items()},
    }
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


def _schema(kind: type) -> dict[str, Any]:
    """Of a field; each may be null."""
    schema: dict[str, Any] = {"type": [JSON_TYPES[kind], "null"]}
    return schema | {"items": {"type": "string"}} if kind is list else schema
