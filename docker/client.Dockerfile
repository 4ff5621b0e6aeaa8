# The demonstration's client: `docker compose run --rm client` builds it. The Proxy and the models need none of it.
FROM python:3.13-slim
WORKDIR /app
COPY scripts/requirements.txt scripts/
RUN pip install --no-cache-dir --requirement scripts/requirements.txt
COPY protos/prediction.proto protos/
COPY scripts/predict.py scripts/
USER 10001:10001
ENTRYPOINT ["python", "-u", "scripts/predict.py"]
