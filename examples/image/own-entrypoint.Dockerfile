# The same function on an image that is not AWS's: the entrypoint is the runtime client, and nobody
# there reads AWS_LAMBDA_EXEC_WRAPPER, so faultlayer's wrapper stands in the entrypoint itself.
FROM python:3.11-slim
WORKDIR /function
RUN pip install --target /function awslambdaric
COPY faultlayer/ /opt/
ENV AWS_LAMBDA_EXEC_WRAPPER=/opt/faultlayer-wrapper

COPY app.py ./
ENTRYPOINT ["/opt/faultlayer-wrapper", "python3", "-m", "awslambdaric"]
CMD ["app.handler"]
