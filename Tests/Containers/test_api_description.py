"""The admin API behaves as docs/openapi.json says; schemathesis tries it with thousands of requests."""

import json
import sys

from harness.stack import ADMIN, http, run

# OpenAPI can't express that `timeout` needs `wait`, that `force` needs `reason`, or which epoch `If-Match` needs.
_UNTELLABLE = "positive_data_acceptance"


def test_the_running_proxy_serves_the_document(stack, root):
    answer = stack.admin.request("GET", "/openapi.json")
    assert answer.status == 200
    assert answer.json == json.loads((root / "docs/openapi.json").read_text())


def test_the_running_proxy_does_what_the_document_says(stack, root, tmp_path):
    # One worker: threads that parse Python at the same time fail in Python 3.11 (cpython issue 106905).
    result = run(
        sys.executable, "-m", "schemathesis.cli", "run", root / "docs/openapi.json",
        "--url", f"http://{ADMIN}", "--header", f"Authorization: Bearer {stack.token}",
        "--checks", "all", "--exclude-checks", _UNTELLABLE, "--suppress-health-check", "all",
        "--max-examples", "60", "--workers", "1", "--seed", "7", "--request-timeout", "20", "--no-color",
        cwd=tmp_path, check=False, timeout=230,
    )  # fmt: skip
    print(result.stdout[-6000:])
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]


def test_without_the_token_only_the_probes_answer(root):
    document = json.loads((root / "docs/openapi.json").read_text())
    for path, methods in document["paths"].items():
        is_open = methods.get("get", {}).get("security") == []
        method = "get" if "get" in methods else None
        if method:
            assert (http(f"http://{ADMIN}{path}")[0] != 401) == is_open, path
