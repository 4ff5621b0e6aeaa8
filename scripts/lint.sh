#!/usr/bin/env bash
# lint.sh : the static checks of everything that is not Swift. Needs Python 3 with venv; installs its tools into .venv-lint.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv-lint
if ! cmp -s scripts/lint-requirements.txt "$venv/requirements.txt"; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement scripts/lint-requirements.txt
    cp scripts/lint-requirements.txt "$venv/requirements.txt"
fi
PATH=$PWD/$venv/bin:$PATH

failed=()
# check NAME COMMAND... : runs a check and shows its output if it fails.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        echo "$output"
        failed+=("$name")
    fi
}

compose() {
    docker-compose --project-directory . "$@" config --quiet
}

mapfile -t scripts < <(git ls-files -- '*.sh' .ci/run)
python=(scripts/lib/deployment scripts/lib/proxy_upgrade Tests/Deployment Tests/Containers)
mapfile -t workflows < <(find .github/workflows -name '*.yml' | sort)
mapfile -t manifests < <(find deploy/kubernetes -name '*.yaml' ! -name kustomization.yaml | sort)
mapfile -t stacks < <(find . -maxdepth 1 -name 'docker-compose*.yml' | sort)

check "hadolint" hadolint docker/Dockerfile
check "shellcheck" shellcheck --external-sources --source-path=SCRIPTDIR "${scripts[@]}"
check "yamllint" yamllint --strict .
check "ruff" ruff check --no-cache "${python[@]}"
check "ruff's format" ruff format --no-cache --check "${python[@]}"
check "workflows against GitHub's schema" check-jsonschema --builtin-schema vendor.github-workflows "${workflows[@]}"
check "dependabot against its schema" check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
check "compose files against the schema" check-jsonschema --builtin-schema vendor.compose-spec "${stacks[@]}"
check "zizmor" zizmor --offline --quiet --no-progress .github
check "compose: the whole stack" compose -f docker-compose.yml
check "compose: blue alone" compose -f docker-compose.blue.yml
check "compose: green alone" compose -f docker-compose.green.yml
check "compose: two per color" compose -f docker-compose.yml -f deploy/examples/two-per-color.yml
check "compose: TLS" compose -f docker-compose.yml -f deploy/examples/tls.yml
check "kubernetes manifests" kubernetes-validate --quiet --strict "${manifests[@]}"
check "openapi" openapi-spec-validator docs/openapi.json
check "openapi: what the Proxy serves" scripts/generate_openapi.py --check
check "deployment's unit tests" python3 -B -m unittest discover --start-directory Tests/Deployment --top-level-directory Tests/Deployment

if [ ${#failed[@]} -gt 0 ]; then
    echo "${#failed[@]} static checks failed"
    exit 1
fi
