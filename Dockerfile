# churn-duck as an image: jobs and API. No compiler, no pip, not root; it writes to /data and /tmp only.
# The digest is of python:3.13.14-slim-bookworm, all platforms. For a newer one: docker buildx imagetools inspect python:3.13-slim-bookworm
ARG PYTHON_IMAGE=python:3.13.14-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8

FROM ${PYTHON_IMAGE} AS build
SHELL ["/bin/sh", "-euc"]
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir "uv==0.13.9"
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1 UV_PYTHON=python3
WORKDIR /app
# the dependencies alone first, so that a change of our code does not fetch them again
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN /opt/uv/bin/uv sync --locked --no-dev --no-install-project --extra serve --extra s3 --extra postgres
COPY sql sql
COPY churn_duck churn_duck
COPY cli cli
RUN /opt/uv/bin/uv sync --locked --no-dev --no-editable --extra serve --extra s3 --extra postgres
# what the libraries bring along and nothing here asks for (numpy's tests stay: numpy.testing imports them); then bytecode,
# since nothing can be written beside the code later
RUN set -- .venv/lib/python3.*/site-packages \
    && rm -rf "$1/pyarrow/include" "$1/pyarrow/tests" "$1/onnx/backend/test" \
    && find "$1/pyarrow" -name '*flight*' -delete \
    && find "$1/botocore/data" -mindepth 1 -maxdepth 1 -type d ! -name s3 ! -name 's3control' ! -name 'sts' ! -name 'sso*' -exec rm -rf {} + \
    && find "$1/sklearn" "$1/scipy" -type d -name tests -prune -exec rm -rf {} + \
    && find "$1" \( -name '*.pyi' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.h' -o -name '*.a' \) -delete \
    && .venv/bin/python -m compileall -q -j 0 "$1" \
    && .venv/bin/python -c 'import churn_duck_cli.main, churn_duck.serving.app, churn_duck.training.train, s3fs, adbc_driver_postgresql.dbapi'

FROM ${PYTHON_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="churn-duck" \
      org.opencontainers.image.description="Who of the still-active users is about to leave: jobs and API" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# pip of the base image goes, and no program may change its user; a name for ours, and a place for data without a volume
RUN find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
    && rm -rf /usr/local/lib/python3.*/site-packages/pip* /usr/local/lib/python3.*/ensurepip /usr/local/bin/pip* \
    && echo 'churn:x:10001:10001:churn-duck:/tmp:/usr/sbin/nologin' >> /etc/passwd \
    && echo 'churn:x:10001:' >> /etc/group \
    && mkdir /data && chown 10001:10001 /data
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
USER 10001:10001
WORKDIR /data
# Python stops cleanly at SIGINT, while SIGTERM would go unheard by process 1
STOPSIGNAL SIGINT
# a job is as healthy as it runs; the API has to answer
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; b'serve' in open('/proc/1/cmdline', 'rb').read().split(b'\\0') and u.urlopen('http://127.0.0.1:8000/live', timeout=4)"]
ENTRYPOINT ["churn-duck"]
CMD ["--help"]
