#!/usr/bin/env bash
# lint.sh : the static checks of everything that is not Swift. Needs Python 3 with venv; installs its tools into .venv-lint.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv-lint
if ! cmp -s scripts/lint-requirements.txt "$venv/requirements.txt"; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement scripts/lint-requirements.txt
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

# They mostly wait, so four files run at a time.
deployment_tests() {
    (cd Tests/Deployment && printf '%s\n' test_*.py | xargs --max-procs 4 --max-args 1 python3 -B -m unittest)
}

mapfile -t scripts < <(git ls-files -- '*.sh' .ci/run)
python=(scripts/lib/deployment scripts/lib/proxy_upgrade scripts/python_versions.py)
python+=(Tests/Deployment Tests/Containers Tests/Supply Tests/Support deploy/examples)
python+=(scripts/make_smoke.py scripts/train_models.py scripts/embed_descriptors.py)
mapfile -t workflows < <(find .github/workflows -name '*.yml' | sort)
mapfile -t manifests < <(find deploy/kubernetes -name '*.yaml' ! -name kustomization.yaml | sort)
mapfile -t stacks < <(git ls-files -- '*docker-compose*.yml')
mapfile -t dockerfiles < <(git ls-files -- '*Dockerfile')

check "hadolint" hadolint "${dockerfiles[@]}"
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
check "compose: a service of one's own" docker-compose -f deploy/examples/own-service/docker-compose.yml config --quiet
check "compose: Open Inference Protocol" docker-compose -f deploy/examples/open-inference/docker-compose.yml config --quiet
check "compose: TLS" compose -f docker-compose.yml -f deploy/examples/tls.yml
check "kubernetes manifests" kubernetes-validate --quiet --strict "${manifests[@]}"
check "openapi" openapi-spec-validator docs/openapi.json
check "openapi: what the Proxy serves" scripts/generate_openapi.py --check
check "Python packages of $venv are those listed" python3 -B scripts/python_versions.py "$venv" scripts/lint-requirements.txt
check "unit tests of what is built from" "$venv/bin/python" -B -m unittest discover --start-directory Tests/Supply --top-level-directory Tests/Supply
check "deployment's unit tests" deployment_tests

if [ ${#failed[@]} -gt 0 ]; then
    echo "${#failed[@]} static checks failed"
    exit 1
fi
