# everything that CI checks
check: lint sql-lint types test test-whole

# the tests that say in minutes what is broken
test *ARGS:
    uv run pytest {{ ARGS }}

# whole jobs, the browser and the fuzzer: seconds each
test-whole *ARGS:
    uv run pytest -m whole {{ ARGS }}

# formatting and lint, changing nothing
lint:
    uv run ruff format --check
    uv run ruff check

# bring the Python into shape
format:
    uv run ruff format
    uv run ruff check --fix

# types, strictly
types:
    uv run mypy

# sqlfluff, on the SQL as it is rendered
sql-lint:
    uv run pytest -m lint

# write the generated pages in docs/ anew
docs:
    uv run python docs/make_reference.py

# the whole job on invented data
demo *ARGS:
    uv run churn-duck demo {{ ARGS }}

# the page of the team, from whatever has been scored and checked
report *ARGS:
    uv run churn-duck report {{ ARGS }}

# the same job's day against what its model learned from, then a changed copy of it, which must FAIL (exit 2)
demo-drift *ARGS:
    uv run churn-duck drift
    uv run churn-duck demo-drift {{ ARGS }} || test $? -eq 2

# a read-only snapshot for readers, in place of the last one
publish *ARGS:
    uv run churn-duck publish {{ ARGS }}

# the API over the newest snapshot, on this machine only unless told otherwise
serve *ARGS:
    uv run churn-duck serve {{ ARGS }}

# 200 pairs of halves of one day, and every other slow test
test-slow *ARGS:
    uv run pytest -m slow {{ ARGS }}

# what the engine recovers of planted effects: some minutes
prove *ARGS:
    uv run churn-duck prove {{ ARGS }}

# how long it takes beside Polars, DuckDB windows, pandas and scikit-learn: half an hour, best on an idle machine
bench *ARGS:
    uv run python benchmarks/pipeline.py {{ ARGS }}
    uv run python benchmarks/scoring.py
    uv run python benchmarks/reasons.py

# every stage on a million users and a year: a quarter of an hour and 10 GB of disk
bench-stages *ARGS:
    uv run python benchmarks/stages.py {{ ARGS }}

# the API under eight clients while snapshots are published: two minutes
bench-serving *ARGS:
    uv run python benchmarks/serving.py {{ ARGS }}

# one more day after 2 and after 12 months of history: five minutes, best on an idle machine
bench-daily *ARGS:
    uv run python benchmarks/daily_landing.py {{ ARGS }}

# the main job on a business of the contract's size
bench-small *ARGS:
    uv run python benchmarks/contract_size.py {{ ARGS }}

# the wheel, in dist/
build-wheel:
    uv build --wheel

# caches and built files; the warehouse stays
clean:
    rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
    find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# a year of weekly landings lived through, with a change of habit in June: scored, watched, retrained; half an hour
rehearse-year *ARGS:
    uv run churn-duck generate --out warehouse-year/log --n-users 3000 --days 550 --start-date 2024-07-01 --change-on 2025-06-01
    uv run churn-duck --warehouse warehouse-year/warehouse rehearse --users warehouse-year/log/users.parquet --events warehouse-year/log/events.parquet --from 2024-12-29 --every 7 {{ ARGS }}

# a log of your own lived through month by month: just rehearse USERS EVENTS FIRST_EVENING
rehearse USERS EVENTS FIRST *ARGS:
    uv run churn-duck --warehouse warehouse-rehearsal rehearse --users {{ USERS }} --events {{ EVENTS }} --from {{ FIRST }} --every 30 {{ ARGS }}

# the image; ARGS such as --build-arg PYTHON_IMAGE=... or --platform ...; IMAGE_BUILDER=podman works too
image *ARGS:
    {{ env("IMAGE_BUILDER", "docker") }} build --tag churn-duck:$(uv version --short) --build-arg VERSION=$(uv version --short) --build-arg REVISION=$(git rev-parse HEAD) --build-arg CREATED=$(date --utc +%FT%TZ) {{ ARGS }} .

# the same without a daemon or a registry: Debian's own base, buildah, as root
image-offline:
    test -e dist/base.tar || { mkdir -p dist && mmdebstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm dist/base.tar; }
    buildah rm churn-duck-base >/dev/null 2>&1 || true
    buildah from --name churn-duck-base scratch
    buildah add churn-duck-base dist/base.tar /
    buildah commit --rm churn-duck-base localhost/churn-duck-base
    buildah bud --isolation chroot --format docker --tag churn-duck:$(uv version --short) --build-arg VERSION=$(uv version --short) --build-arg PYTHON_IMAGE=localhost/churn-duck-base --build-arg REVISION=$(git rev-parse HEAD) --build-arg CREATED=$(date --utc +%FT%TZ) .

# an overlay as it would be applied: plain, prometheus or demo
k8s-render OVERLAY="plain":
    @kubectl kustomize k8s/overlays/{{ OVERLAY }}

# every overlay against the schemas and the policy, the alerts against their tests, the Dockerfile against its rules
k8s-validate:
    uv run pytest tests/k8s

# the PrometheusRule anew, from monitoring/alerts.yaml
k8s-rules:
    uv run python k8s/make_rules.py

# what applying an overlay would change in the cluster
k8s-diff OVERLAY="plain":
    kubectl diff --kustomize k8s/overlays/{{ OVERLAY }}

# the pictures in the README anew, from invented data: a minute, needs Chromium
pictures:
    uv run python docs/make_pictures.py
