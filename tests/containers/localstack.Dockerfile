# A stand-in for localstack/localstack:4.14.0 where that image cannot be pulled: LocalStack itself,
# as it is installed on this machine (HOME_OF_IT), on the stand-in for the base image. For tests.
#   docker build --build-context home=… --build-context python=… --file … .
FROM python:3.11-slim-bookworm
# hadolint ignore=DL3008
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless nodejs >/dev/null \
    && rm -rf /var/lib/apt/lists/*
ARG PYTHON_AT
ARG HOME_OF_IT
# `python` and `home` are build contexts.
# hadolint ignore=DL3022
COPY --from=python bin ${PYTHON_AT}/bin
# hadolint ignore=DL3022
COPY --from=python lib ${PYTHON_AT}/lib
# hadolint ignore=DL3022
COPY --from=home . ${HOME_OF_IT}
RUN ln -sfn /usr/lib/jvm/java-17-openjdk-* ${HOME_OF_IT}/fs/var/lib/localstack/lib/java/21 \
    && rm -f ${HOME_OF_IT}/localstack.pid ${HOME_OF_IT}/localstack.log
ENV OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT=${HOME_OF_IT}/fs VIRTUAL_ENV=${HOME_OF_IT}/venv \
    GATEWAY_LISTEN=0.0.0.0:4566 KINESIS_MOCK_VERSION=0.5.2 SKIP_SSL_CERT_DOWNLOAD=1 DNS_ADDRESS=0 \
    SQS_ENDPOINT_STRATEGY=path PATH=${HOME_OF_IT}/venv/bin:$PATH
EXPOSE 4566
ENTRYPOINT ["localstack-supervisor"]
