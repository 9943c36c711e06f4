"""Errors of the service as problem+json, and on its OpenAPI page."""

from __future__ import annotations

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match, Route

from sandbox.errors import InvalidError, SandboxError
from sandbox.schemas import Problem

PROBLEM = "application/problem+json"
_log = logging.getLogger("sandbox.server")
_KINDS = {404: "not-found", 405: "not-allowed", 413: "limit"}


class Json(JSONResponse):
    """JSON in ASCII: what code prints and what people name things may be no valid UTF-8."""

    def render(self, content: Any) -> bytes:
        """Return the body.

        Args:
            content: What it says.
        """
        return json.dumps(content, separators=(",", ":")).encode("ascii")


def problem(kind: str, status: int, detail: str) -> dict[str, Any]:
    """Return what a problem+json body says.

    Args:
        kind: Which problem, as `sandbox.errors` names it.
        status: The answer's status.
        detail: One sentence.
    """
    title = kind.replace("-", " ").capitalize()
    return {"type": f"urn:lra-sandbox:{kind}", "title": title, "status": status, "detail": detail}


def problem_of(error: SandboxError) -> dict[str, Any]:
    """Return the same for an error.

    Args:
        error: The error.
    """
    return problem(error.kind, error.status, error.message)


def answer_errors(app: FastAPI) -> None:
    """Have every error of an application answered as problem+json.

    Args:
        app: The application.
    """

    def answer(body: dict[str, Any], headers: Any = None) -> JSONResponse:
        return Json(body, body["status"], dict(headers or {}), media_type=PROBLEM)

    @app.exception_handler(SandboxError)
    async def on_error(request: Request, error: SandboxError) -> JSONResponse:
        return answer(problem_of(error), {"WWW-Authenticate": "Bearer"} if error.status == 401 else None)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(each)[:100] for each in first.get("loc", ())[1:]) or "the body"
        return answer(problem_of(InvalidError(f"{where}: {first.get('msg', 'is wrong')}.")))

    @app.exception_handler(StarletteHTTPException)
    async def on_http(request: Request, error: StarletteHTTPException) -> JSONResponse:
        kind = _KINDS.get(error.status_code, "invalid" if error.status_code < 500 else "failed")
        headers = {"Allow": _methods(app, request)} if error.status_code == 405 else error.headers
        return answer(problem(kind, error.status_code, f"{error.detail}."), headers)

    @app.exception_handler(Exception)
    async def on_bug(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return answer(problem("failed", 500, "The service failed; its log says why."))


def _methods(app: FastAPI, request: Request) -> str:
    """Return what can be done at a path: every route of it, not only the first that was looked at."""
    found: set[str] = set()
    for route in app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return ", ".join(sorted(found))


def describe(app: FastAPI) -> None:
    """Describe on an application's OpenAPI page how it answers errors and asks for its key.

    Args:
        app: The application, with all its routes.
    """
    schema = get_openapi(title=app.title, version=app.version, routes=app.routes, description=app.description)
    parts = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        parts.pop(name, None)
    parts["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    wrong = {
        "description": "What went wrong, in one sentence",
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in schema["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"] |= {"4XX": wrong, "5XX": wrong}
    app.openapi = lambda: schema  # type: ignore[method-assign]
