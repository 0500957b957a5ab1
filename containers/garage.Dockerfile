# The suite's image and garage 2021.3.0 beside it, in an environment of its own: for runs of its algorithms.
#   docker compose build suite
#   docker build --file containers/garage.Dockerfile --tag meta-rl-suite-garage .
ARG BASE_IMAGE=python:3.11-slim-bookworm
ARG SUITE_IMAGE=meta-rl-suite

# Wheels to prefer over the index: --build-context wheels=FOLDER puts them here.
FROM scratch AS wheels

FROM ${BASE_IMAGE} AS garage
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
ARG PIP_EXTRA_INDEX_URL=
# As tox -e garage does, and for the same reason.
RUN python -m venv --without-pip /opt/garage && python -m pip install pip==23.2.1
COPY algorithms/peers/garage_process/requirements.txt /
RUN --mount=type=bind,from=wheels,target=/wheels --mount=type=cache,target=/root/.cache/pip \
    python -m pip --python /opt/garage/bin/python install --no-compile --no-deps \
    --find-links /wheels --requirement /requirements.txt && \
    { python -m compileall -qq -j 0 /opt/garage || true; }  # some packages hold templates that are not Python

FROM ${SUITE_IMAGE}
COPY --from=garage /opt/garage /opt/garage
ENV SUITE_GARAGE=/opt/garage/bin/python
