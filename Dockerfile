# churn-duck as an image: no compiler, no package manager of ours, not root. Everything it writes goes to /data and /tmp.
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
RUN pip install --no-cache-dir "uv>=0.9,<1"
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
# the dependencies alone first, so that a change of our code does not fetch them again
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --locked --no-dev --no-install-project
COPY sql sql
COPY churn_duck churn_duck
COPY cli cli
RUN uv sync --locked --no-dev --no-editable

FROM ${PYTHON_IMAGE}
RUN mkdir /data && chown 10001:10001 /data
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["churn-duck"]
CMD ["--help"]
