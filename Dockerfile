# syntax=docker/dockerfile:1
FROM node:24-bookworm-slim AS build
WORKDIR /app
ENV ONNXRUNTIME_NODE_INSTALL=skip
COPY package.json package-lock.json .npmrc ./
COPY scripts scripts
RUN node -e "import('./scripts/install.mjs').then(({ ensureInstalled }) => ensureInstalled())"
COPY tsconfig*.json vite.config.ts ./
COPY shared shared
COPY client client
RUN node scripts/build.mjs

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
ENV ONNXRUNTIME_NODE_INSTALL=skip
COPY package.json package-lock.json .npmrc ./
COPY scripts/install.mjs scripts/lock.mjs scripts/prune-onnxruntime.mjs scripts/
RUN npm ci --omit=dev && node scripts/prune-onnxruntime.mjs

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
RUN mkdir /data models && chown node:node /data models
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json tsconfig*.json ./
COPY shared shared
COPY migrations migrations
COPY --chown=node:node models models
COPY server server
USER node
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:'+process.env.PORT+'/readyz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
CMD ["node", "--import", "tsx", "server/main.ts"]
