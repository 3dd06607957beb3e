# all checks that CI runs
check: lint sql-lint types test test-whole

# the fast tests
test *ARGS:
    uv run pytest {{ ARGS }}

# tests of whole jobs, in a browser, and with a fuzzer: seconds each
test-whole *ARGS:
    uv run pytest -m whole {{ ARGS }}

# check formatting and lint, changing nothing
lint:
    uv run ruff format --check
    uv run ruff check

# format the Python code and fix lint
format:
    uv run ruff format
    uv run ruff check --fix

# check types with mypy in strict mode
types:
    uv run mypy

# lint the rendered SQL with sqlfluff
sql-lint:
    uv run pytest -m lint

# regenerate the reference pages in docs/
docs:
    uv run python docs/make_reference.py

# The stages, a recipe each: `just data features labels train promote batch`, or `just all`. Variables come first:
# `just WAREHOUSE=/tmp/shop USERS=users.csv EVENTS=events.csv data`.

# the warehouse folder; empty: the configured one
WAREHOUSE := ""
# files to land; empty: the configured sources, or synthetic data if there is no CHURN_DUCK_CONFIG
USERS := ""
EVENTS := ""
# size of the synthetic data
N_USERS := "2000"
DAYS := "365"
folder := if WAREHOUSE == "" { "warehouse" } else { WAREHOUSE }
# folder for exported features and labels, and for synthetic data
OUT := folder / "exports"
is_synthetic := if USERS + EVENTS + env("CHURN_DUCK_CONFIG", "") == "" { "true" } else { "false" }
users := if is_synthetic == "true" { OUT / "users.parquet" } else { USERS }
events := if is_synthetic == "true" { OUT / "events.parquet" } else { EVENTS }
sources := (if users == "" { "" } else { " --users " + quote(users) }) + (if events == "" { "" } else { " --events " + quote(events) })
churn_duck := "uv run churn-duck" + (if WAREHOUSE == "" { "" } else { " --warehouse " + quote(WAREHOUSE) })

# land and validate USERS and EVENTS, the configured sources, or synthetic data
data:
    @! {{ is_synthetic }} || ! test -e {{ quote(folder / "raw") }} || test -e {{ quote(users) }} || { echo "{{ folder }} holds data already; give USERS and EVENTS" >&2; exit 1; }
    {{ if is_synthetic == "true" { churn_duck + " generate --out " + quote(OUT) + " --n-users " + N_USERS + " --days " + DAYS } else { "" } }}
    {{ churn_duck }} land{{ sources }}
    {{ churn_duck }} validate

# build every view, and export the features of each user and day
features:
    {{ churn_duck }} build
    mkdir -p {{ quote(OUT) }}
    {{ churn_duck }} export user_features_daily {{ quote(OUT / "user_features_daily.parquet") }}

# export the labels of each user and day
labels:
    mkdir -p {{ quote(OUT) }}
    {{ churn_duck }} export labels_daily {{ quote(OUT / "labels_daily.parquet") }}

# train both models; no new data (exit 5) is not an error here
train:
    {{ churn_duck }} train || test $? -eq 5

# promote the best new model; keeping production (exit 4) is not an error here
promote:
    {{ churn_duck }} promote || test $? -eq 4

# score the eligible users of the last complete day, and write the ranked lists
batch:
    {{ churn_duck }} score

# data, then every other stage in one command
all: data
    {{ churn_duck }} run

# the whole job on synthetic data
demo *ARGS:
    uv run churn-duck demo {{ ARGS }}

# the team report, from what has been scored and checked
report *ARGS:
    uv run churn-duck report {{ ARGS }}

# drift of the demo's last day, then of an altered copy, which must FAIL (exit 2)
demo-drift *ARGS:
    uv run churn-duck drift
    uv run churn-duck demo-drift {{ ARGS }} || test $? -eq 2

# publish a read-only snapshot, replacing the last one
publish *ARGS:
    uv run churn-duck publish {{ ARGS }}

# serve the dashboard and the API on the newest snapshot, for this machine only by default
serve *ARGS:
    uv run churn-duck serve {{ ARGS }}

# the slow tests: minutes
test-slow *ARGS:
    uv run pytest -m slow {{ ARGS }}

# check that planted effects are recovered: minutes
prove *ARGS:
    uv run churn-duck prove {{ ARGS }}

# compare speed with Polars, DuckDB windows, pandas and scikit-learn: half an hour on an idle machine
bench *ARGS:
    uv run python benchmarks/pipeline.py {{ ARGS }}
    uv run python benchmarks/scoring.py
    uv run python benchmarks/reasons.py

# time every stage on a million users and a year: 15 minutes, 10 GB of disk
bench-stages *ARGS:
    uv run python benchmarks/stages.py {{ ARGS }}

# load the API with eight clients while snapshots are published: two minutes
bench-serving *ARGS:
    uv run python benchmarks/serving.py {{ ARGS }}

# time one more day after 2 and after 12 months of history: five minutes on an idle machine
bench-daily *ARGS:
    uv run python benchmarks/daily_landing.py {{ ARGS }}

# time the whole job on a small business: 2,000 users, 120 days
bench-small *ARGS:
    uv run python benchmarks/contract_size.py {{ ARGS }}

# build the wheel into dist/
build-wheel:
    uv build --wheel

# delete caches and build output; the warehouse stays
clean:
    rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
    find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# replay a year of weekly landings, with a change of behaviour in June: half an hour
rehearse-year *ARGS:
    uv run churn-duck generate --out warehouse-year/log --n-users 3000 --days 550 --start-date 2024-07-01 --change-on 2025-06-01
    uv run churn-duck --warehouse warehouse-year/warehouse rehearse --users warehouse-year/log/users.parquet --events warehouse-year/log/events.parquet --from 2024-12-29 --every 7 {{ ARGS }}

# replay your own log month by month: just rehearse USERS EVENTS FIRST_DAY
rehearse USERS EVENTS FIRST *ARGS:
    uv run churn-duck --warehouse warehouse-rehearsal rehearse --users {{ USERS }} --events {{ EVENTS }} --from {{ FIRST }} --every 30 {{ ARGS }}

# build the image; ARGS such as --build-arg PYTHON_IMAGE=... or --platform ...; IMAGE_BUILDER=podman works too
image *ARGS:
    {{ env("IMAGE_BUILDER", "docker") }} build --tag churn-duck:$(uv version --short) --build-arg VERSION=$(uv version --short) --build-arg REVISION=$(git rev-parse HEAD) --build-arg CREATED=$(date --utc +%FT%TZ) {{ ARGS }} .

# build the image without a daemon or a registry, on Debian's packages, with buildah as root
image-offline:
    test -e dist/base.tar || { mkdir -p dist && mmdebstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm dist/base.tar; }
    buildah rm churn-duck-base >/dev/null 2>&1 || true
    buildah from --name churn-duck-base scratch
    buildah add churn-duck-base dist/base.tar /
    buildah commit --rm churn-duck-base localhost/churn-duck-base
    buildah bud --isolation chroot --format docker --tag churn-duck:$(uv version --short) --build-arg VERSION=$(uv version --short) --build-arg PYTHON_IMAGE=localhost/churn-duck-base --build-arg REVISION=$(git rev-parse HEAD) --build-arg CREATED=$(date --utc +%FT%TZ) .

# print an overlay as it would be applied: plain, prometheus or demo
k8s-render OVERLAY="plain":
    @kubectl kustomize k8s/overlays/{{ OVERLAY }}

# validate the overlays, the alerts and the Dockerfile
k8s-validate:
    uv run pytest tests/k8s

# regenerate the PrometheusRule from monitoring/alerts.yaml
k8s-rules:
    uv run python k8s/make_rules.py

# show what applying an overlay would change in the cluster
k8s-diff OVERLAY="plain":
    kubectl diff --kustomize k8s/overlays/{{ OVERLAY }}

# the pictures in the README anew, from invented data: a minute, needs Chromium
pictures:
    uv run python docs/make_pictures.py
