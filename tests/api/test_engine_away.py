"""Nobody answers on the bus: 503 that says so, and the API lives on."""

from __future__ import annotations

from pathlib import Path

from .system import V1_1, System


def test_requests_are_503_with_retry_after_while_no_engine_answers(tmp_path: Path) -> None:
    with System(tmp_path) as system:
        system.get("/v1/policies")
        system.stop_policy()
        for method, path, body in [
            ("GET", "/v1/policies", None),
            ("GET", "/v1/status", None),
            ("GET", "/v1/policies/classification/tables/t/rows", None),
            ("POST", "/v1/policies", {"name": "lost"}),
        ]:
            answer = system.send(method, path, body, V1_1)
            assert answer.status_code == 503, answer.text
            assert answer.json["error"]["error_code"] == 503
            assert int(answer.headers["retry-after"]) >= 1
        assert system.get("/healthz") == {"status": "ok"}
        assert system.get("/v1/system/drivers")["results"]
