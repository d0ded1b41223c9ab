# Posthuis in a container. The data is in /data, the configuration in /etc/posthuis/posthuis.toml or in POSTHUIS_
# variables:
#
#   docker build -t posthuis .
#   docker run -v posthuis:/data -p 25:25 -p 587:587 -p 993:993 -e POSTHUIS_HOSTNAME=mail.example.org posthuis

FROM node:26-slim AS packages
WORKDIR /opt/posthuis
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:26-slim
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/opt/posthuis/.cache \
    POSTHUIS_DATA=/data \
    POSTHUIS_LISTEN_SMTP=0.0.0.0:25 \
    POSTHUIS_LISTEN_SUBMISSION=0.0.0.0:587,0.0.0.0:2525 \
    POSTHUIS_LISTEN_SUBMISSIONS=0.0.0.0:465 \
    POSTHUIS_LISTEN_IMAP=0.0.0.0:143 \
    POSTHUIS_LISTEN_IMAPS=0.0.0.0:993 \
    POSTHUIS_LISTEN_POP3=0.0.0.0:110 \
    POSTHUIS_LISTEN_POP3S=0.0.0.0:995 \
    POSTHUIS_LISTEN_HTTP=127.0.0.1:8025
WORKDIR /opt/posthuis
COPY --from=packages /opt/posthuis/node_modules node_modules
COPY package.json LICENSE README.md CHANGELOG.md ./
COPY config config
COPY storage storage
COPY protocols protocols
COPY src src
COPY docs docs

# Runs the commands and the server for a moment, which fills the compile cache: the container starts in well under a
# second. Nothing but /data is written by the user `node` (1000) that it runs as.
RUN export POSTHUIS_DATA=/opt/posthuis/warm \
 && node src/posthuis.js domain list \
 && { timeout 5 node src/posthuis.js serve || [ $? = 124 ]; } \
 && rm -rf /opt/posthuis/warm \
 && mkdir /data && chmod 700 /data && chown node:node /data

USER node
VOLUME /data
EXPOSE 25 465 587 2525 143 993 110 995
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8025/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "src/posthuis.js"]
CMD ["serve"]
