"""What an attacker would try, and what becomes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from plans.html import LARGEST, page_of
from plans.models import Plan, Task
from tests.api.programs import Program
from tests.planning_sync.sync.workbench import Workbench

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg/onload=alert(1)>"


def test_texts_come_back_as_data_and_never_as_a_page(desk: Workbench, editor: Program) -> None:
    answer = editor("PATCH", f"tasks/{desk.task('Rest').pk}", {"text": EVIL})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(answer.content)["text"] == EVIL


def test_texts_are_escaped_on_the_pages_of_the_dashboard(
    desk: Workbench, editor: Program, olive: User
) -> None:
    editor.patch(f"plans/{desk.plan('launch.md').pk}", {"title": EVIL})
    browser = Client()
    browser.force_login(olive)
    assert "<script>alert" not in browser.get("/").content.decode()


MARKDOWN = {
    "<script>alert(1)</script>": "<script",
    "[x](javascript:alert(1))": "javascript:",
    "[x](JaVaScRiPt:alert(1))": "javascript:",
    "[x](data:text/html;base64,PHNjcmlwdD4=)": "data:",
    "[x](vbscript:x)": "vbscript:",
    "<a href='java&#9;script:alert(1)'>x</a>": "script:",
    "<a href='java\nscript:alert(1)'>x</a>": "script:",
    "<a href='\x01javascript:alert(1)'>x</a>": "script:",
    "<a href='&#106;avascript:alert(1)'>x</a>": "javascript:",
    "<img src=x onerror=alert(1)>": "onerror",
    "![x](https://tracker.example/pixel.png)": "<img",
    "<iframe src='//evil.example'></iframe>": "<iframe",
    "<style>body{display:none}</style>": "<style",
    "<p style='position:fixed'>x</p>": "style=",
    "<form action='//evil.example'><input name=q></form>": "<form",
    "<svg><a xlink:href='javascript:alert(1)'>x</a></svg>": "javascript:",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>": "onerror",
    "<div id='swagger-ui' onclick='x()' class='c'>x</div>": "onclick",
    "<base href='//evil.example/'>": "<base",
    "<meta http-equiv=refresh content='0;url=//evil.example'>": "<meta",
}


@pytest.mark.parametrize("source", MARKDOWN)
def test_a_rendered_plan_runs_loads_and_sends_nothing(source: str) -> None:
    assert MARKDOWN[source] not in page_of(f"# T\n\n{source}\n\n- [ ] {source}\n".encode()).lower()


def test_what_is_harmless_stays(desk: Workbench) -> None:
    made = page_of(b"# T\n\n| a | b |\n|---|---|\n| *1* | `2` |\n\n[x](https://example.org)\n")
    assert "<h1>T</h1>" in made
    assert "<em>1</em>" in made
    assert 'href="https://example.org"' in made
    assert "noopener" in made


def test_a_rendered_plan_is_in_a_sandbox(desk: Workbench, reader: Program) -> None:
    answer = reader("GET", f"plans/{desk.plan('launch.md').pk}/html")
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")
    assert b"<h1>Launch</h1>" in answer.content


@pytest.mark.parametrize(
    "data",
    [
        b"x" * (LARGEST + 1),
        b"> " * 3000 + b"x",
        b"".join(b"  " * depth + b"- x\n" for depth in range(600)),
    ],
    ids=["large", "deep quotes", "deep lists"],
)
def test_a_document_made_to_choke_on_is_refused_or_shown_in_time(
    desk: Workbench, reader: Program, data: bytes
) -> None:
    desk.write("evil.md", b"# Evil\n\n- [ ] x\n\n" + data)
    desk.sync()
    answer = reader("GET", f"plans/{desk.plan('evil.md').pk}/html")
    assert answer.status_code in (200, 422)


def test_a_body_cannot_set_what_is_not_offered(desk: Workbench, editor: Program) -> None:
    task = desk.task("Rest")
    other = Plan.objects.create(title="Other", created_at=task.created_at, modified_at=task.created_at)
    for field, value in {
        "id": str(other.pk),
        "plan": str(other.pk),
        "plan_id": str(other.pk),
        "deleted_at": None,
        "unreachable": True,
        "position": 0,
        "metadata": {"x": 1},
        "created_at": "2020-01-01T00:00:00Z",
    }.items():
        problem = editor.patch(f"tasks/{task.pk}", {"text": "x", field: value}, status=400)
        assert field in problem["errors"]
    plan = desk.plan("launch.md")
    for field in ("revision", "progress", "tasks", "checksum", "deleted_at"):
        editor.patch(f"plans/{plan.pk}", {field: 0}, status=400)
    task.refresh_from_db()
    assert (task.text, task.plan_id) == ("Rest", plan.pk)


BODIES = {
    "deep lists": (b"[" * 500 + b"]" * 500, 400),
    "very deep": (b"[" * 100_000, 400),
    "deep objects": (b'{"a":' * 100 + b"1" + b"}" * 100, 400),
    "large": (b'{"text": "' + b"x" * (1024 * 1024) + b'"}', 413),
    "not UTF-8": (b'{"text": "\xff"}', 400),
    "a lone surrogate": (b'{"text": "\\ud800"}', 400),
    "no number": (b'{"declared_progress": NaN}', 400),
    "a null character": (b'{"text": "a\\u0000b"}', 400),
    "not JSON": (b"text=x", 400),
    "nothing": (b"", 400),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_made_to_choke_on_is_a_problem_and_not_a_failure(
    desk: Workbench, editor: Program, name: str
) -> None:
    data, status = BODIES[name]
    answer = editor("POST", "tasks", data)
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_another_kind_of_body_or_answer_is_refused(desk: Workbench, editor: Program) -> None:
    form = editor("POST", "plans", b"title=x", Content_Type="application/x-www-form-urlencoded")
    assert (form.status_code, json.loads(form.content)["type"]) == (
        415,
        "urn:planning-sync:problem:unsupported-media-type",
    )
    xml = editor("GET", "plans", Accept="application/xml")
    assert (xml.status_code, json.loads(xml.content)["status"]) == (406, 406)


@pytest.mark.parametrize("name", ["On-Behalf-Of", "Idempotency-Key"])
@pytest.mark.parametrize("value", ["a\x1bb", "x" * 201, "a\x7fb"])
def test_a_header_that_goes_into_logs_or_tables_is_checked(
    desk: Workbench, editor: Program, name: str, value: str
) -> None:
    body = {"parent": str(desk.phase("After").pk), "text": "x"}
    answer = Program(editor.secret, {name: value})("POST", "tasks", body)
    assert answer.status_code == 400
    assert not Task.objects.filter(text="x").exists()


@pytest.mark.parametrize("name", ['a"b.md', "a\r\nSet-Cookie: x=1.md", "é\n.md", "a;b.md"])
def test_no_name_of_a_file_gets_out_of_its_header(desk: Workbench, reader: Program, name: str) -> None:
    desk.write(name, "# Odd\n\n- [ ] x\n")
    desk.sync()
    answer = reader("GET", f"plans/{Plan.objects.get(title='Odd').pk}/document")
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


ADDRESSES = [
    ("GET", "/api/v1/plans/../../etc/passwd"),
    ("GET", "/api/v1/plans/%2e%2e%2f%2e%2e%2fetc%2fpasswd"),
    ("GET", "/api/v1/nothing"),
    ("GET", "/api/v2/plans"),
    ("GET", "/api/"),
    ("GET", "/api/v1/plans/not-an-id"),
    ("GET", "/api/v1/plans/00000000-0000-0000-0000-000000000000%00"),
]


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_an_address_that_is_none_is_a_problem(admin: Program, method: str, path: str) -> None:
    answer = admin(method, path)
    assert answer.status_code == 404
    assert json.loads(answer.content)["type"] == "urn:planning-sync:problem:not-found"


def test_a_method_that_is_none_is_a_problem_that_names_the_others(desk: Workbench, admin: Program) -> None:
    answer = admin("DELETE", "plans")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, POST"
    for method in ("OPTIONS", "TRACE", "PUT", "BREW"):
        assert admin(method, "plans").status_code == 405


def test_a_failure_of_ours_tells_nothing_of_its_inside(
    desk: Workbench, editor: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plans import api

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr(api, "outline_fields", fail)
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {editor.secret}"})
    path = f"/api/v1/tasks/{desk.task('Rest').pk}"
    answer = client.patch(path, {"status": "done"}, content_type="application/json")
    assert answer.status_code == 500
    assert json.loads(answer.content)["type"] == "urn:planning-sync:problem:internal"
    assert "secret" not in answer.content.decode()


def test_a_host_that_is_not_ours_is_refused_as_a_problem(desk: Workbench) -> None:
    answer = Client(headers={"Host": "evil.example"}).get("/api/v1/plans")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
