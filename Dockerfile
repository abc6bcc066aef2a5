# One image for the worker and for the MLflow and Prefect servers, so that clients and servers are of one version.
#   docker build --tag hourglass:0.1.0 .
#   docker build --tag hourglass:0.1.0-cuda --build-arg TORCH_INDEX_URL=https://download.pytorch.org/whl/cu130 .
FROM python:3.11.15-slim-bookworm AS build
ARG TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
ENV PATH=/opt/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /opt/hourglass
RUN python -m venv /opt/venv
COPY requirements.lock pyproject.toml LICENSE ./
# 2.13.0+cpu or +cu130 meets the lock's 2.13.0, so the next step keeps this build and adds what it needs
RUN pip install --no-deps --index-url "$TORCH_INDEX_URL" --constraint requirements.lock torch torchvision
# the code comes later, so that changing it installs nothing again
RUN mkdir --parents src/hourglass && touch README.md src/hourglass/__init__.py \
    && pip install --constraint requirements.lock --editable '.[audio,postgres,s3,sweep]' && pip check

FROM python:3.11.15-slim-bookworm
LABEL org.opencontainers.image.title="Hourglass" \
      org.opencontainers.image.description="Autoencoders trained, evaluated, registered and kept fresh" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# Python as process 1 would ignore SIGTERM and leave zombies
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends tini && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --create-home hourglass
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 GIT_PYTHON_REFRESH=quiet NUMBA_CACHE_DIR=/home/hourglass/.cache/numba
COPY --from=build /opt/venv /opt/venv
# compiled once here, not by every container
USER 10001
RUN python -c 'import umap'
USER 0
COPY src /opt/hourglass/src
COPY flows /opt/hourglass/flows
COPY dvc.yaml prefect.yaml .dvcignore pyproject.toml /opt/hourglass/
COPY --chown=10001 params.yaml data.dvc dvc.lock /app/
COPY --chown=10001 .dvc/config /app/.dvc/config
# The project folder is a volume of settings, data and results; the code in it is links, so that an old volume gets the
# code of a new image.
RUN python -m compileall -q /opt/hourglass/src \
    && ln --symbolic --target-directory=/app /opt/hourglass/* /opt/hourglass/.dvcignore \
    && chown 10001 /app /app/.dvc
USER 10001
WORKDIR /app
VOLUME /app
# a command that ends by itself; compose.yaml checks the health of the servers
HEALTHCHECK NONE
ENTRYPOINT ["tini", "--", "hourglass"]
CMD ["run"]
