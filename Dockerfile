# One file for GPU and CPU: the CUDA libraries come as wheels, so the base is plain Python. See docs/containers.md.
ARG BASE_IMAGE=python:3.11-slim-bookworm

# Wheels to prefer over the index: --build-context wheels=FOLDER puts them here.
FROM scratch AS wheels

# What must be installed, apart, so that only a change of these lines installs it anew.
FROM ${BASE_IMAGE} AS requirements
COPY pyproject.toml /
RUN python -c "import tomllib; file = tomllib.load(open('/pyproject.toml', 'rb')); \
    print(*file['project']['dependencies'], *file['build-system']['requires'], sep='\n')" > /requirements.txt

FROM ${BASE_IMAGE} AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /opt/venv
ARG PIP_EXTRA_INDEX_URL=
COPY constraints.txt /
COPY --from=requirements /requirements.txt /
RUN --mount=type=bind,from=wheels,target=/wheels --mount=type=cache,target=/root/.cache/pip \
    python -m pip --python /opt/venv/bin/python install --no-compile \
    --find-links /wheels --constraint /constraints.txt --requirement /requirements.txt && \
    cd /opt/venv/lib/python3*/site-packages && rm -rf torch/test torch/include && \
    find . -type d -name tests -prune -exec rm -rf {} + && \
    { python -m compileall -qq -j 0 /opt/venv || true; }  # some packages hold templates that are not Python

# The suite itself, in /suite, where the docker executor looks for it. What pip makes of it goes to /installed:
# the image gets the dependencies as one layer that a change of code leaves alone.
FROM dependencies AS code
WORKDIR /suite
COPY algorithms algorithms
COPY environments environments
COPY suite suite
# In a checkout these are links: into results, which a container mounts from elsewhere, and into docs.
RUN rm -rf suite/published
COPY results/published suite/published
RUN rm -rf suite/report/glossary.md
COPY docs/glossary.md suite/report/glossary.md
COPY examples examples
COPY pyproject.toml README.md LICENSE CITATION.cff ./
RUN python -m pip --python /opt/venv/bin/python install --root /installed --no-deps --no-build-isolation --editable . && \
    mkdir -p reports results/runs && chmod -R a+rX,go-w . /installed && python -m compileall -q /suite

# Where the code comes from: as told, or as the checkout says, or unknown.
FROM ${BASE_IMAGE} AS commit
ARG COMMIT=
RUN --mount=type=bind,target=/context git=/context/.git && commit=$COMMIT && \
    if [ -z "$commit" ] && [ -f $git/HEAD ]; then \
        read -r commit branch < $git/HEAD || true; \
        if [ "$commit" = ref: ]; then \
            commit=$(cat "$git/$branch" 2>/dev/null || sed -n "s|^\([0-9a-f]*\) $branch\$|\1|p" $git/packed-refs); \
        fi; \
    fi; \
    echo "$commit" > /COMMIT

FROM ${BASE_IMAGE}
# OSMesa draws on the CPU; EGL on a GPU, or with Mesa on the CPU too. Neither needs a display.
RUN apt-get update && apt-get install --yes --no-install-recommends libegl1 libgl1-mesa-dri libopengl0 libosmesa6 && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*
RUN groupadd --gid 1000 suite && useradd --uid 1000 --gid suite --no-create-home --home-dir /tmp suite
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=code /installed /
COPY --from=code /suite /suite
COPY --from=commit /COMMIT /suite/COMMIT
# Nothing is written but to results, reports and /tmp, so that the root may be read-only and the user any.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    USER=suite \
    MPLCONFIGDIR=/tmp/matplotlib \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics
WORKDIR /suite
RUN chown -R suite:suite results/runs reports && chown suite:suite results
USER suite
ENTRYPOINT ["python", "-I", "-m", "suite.execute.entrypoint"]
CMD ["suite", "--help"]
# Whoever the command runs as can still write what it is there to write.
HEALTHCHECK CMD ["python", "-I", "-m", "suite.execute.entrypoint", "test", "-w", "results"]
ARG COMMIT=
LABEL org.opencontainers.image.title="meta-rl-suite" \
    org.opencontainers.image.description="A reproducibility benchmark suite for meta-reinforcement learning" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="0.2.0" \
    org.opencontainers.image.revision="${COMMIT}"
