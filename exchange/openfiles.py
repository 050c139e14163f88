"""What anybody may fetch without a key: the schema and the definition of the extension that findings carry.

A reader of such an object need not be a member: it may have it from one that passes it on.
"""

from __future__ import annotations

from flask import Flask, Response

from exchange import stixextension


def mount(app: Flask) -> None:
    """Put the files into an app that has the door of TAXII, which lets these two in without a key."""
    schema, definition = stixextension.schema_text(), stixextension.definition_bundle()

    def serve_schema() -> Response:
        return Response(schema, content_type="application/schema+json")

    def serve_definition() -> Response:
        return Response(definition, content_type="application/stix+json;version=2.1")

    app.add_url_rule("/schemas/ai-finding-1.0.json", "schema", serve_schema, methods=["GET"])
    app.add_url_rule("/schemas/ai-finding-1.0.stix.json", "definition", serve_definition, methods=["GET"])
