# The server: gateway, engine, sandbox workers and a store in one image. Point it at your replicas with RAO_REPLICAS;
# `rao worker` instead of the last line's command makes a worker for a shared RAO_REDIS_URL.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY rao_runtime rao_runtime
COPY server server
RUN python -m venv /opt/rao \
 && /opt/rao/bin/pip install --no-cache-dir -c constraints.txt .

FROM python:3.12-slim
COPY --from=build /opt/rao /opt/rao
RUN useradd --create-home --uid 10001 rao && install -d -o rao -g rao /data
USER rao
WORKDIR /home/rao
ENV PATH=/opt/rao/bin:$PATH RAO_HOST=0.0.0.0 RAO_PORT=8000 RAO_DATA_DIR=/data
# Trees live here unless RAO_REDIS_URL names a store.
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["rao", "serve"]
