# The service itself, for compose.yaml; the image of a kernel is built from the Dockerfile beside this one.
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}
ARG PIP_OPTIONS=""
COPY constraints.txt /opt/constraints.txt
# The pinned versions; their hashes are left out, since these are not all of them.
RUN python3 -m venv /opt/service && sed -i -e '/--hash/d' -e 's/ \\$//' /opt/constraints.txt \
    && /opt/service/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-input ${PIP_OPTIONS} \
      --constraint /opt/constraints.txt docker fastapi httpx uvicorn
COPY sandbox /opt/app/sandbox
ENV PATH=/opt/service/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/opt/app PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/app
EXPOSE 8000
CMD ["python", "-m", "uvicorn", "sandbox.server:app", "--host", "0.0.0.0", "--port", "8000", "--no-server-header"]
