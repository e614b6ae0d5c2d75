# bcryptd behind nginx in one image; docs/docker.md says how to build and run it. Docker's classic
# builder takes it as well as BuildKit.

# A Debian 12, from wherever you take your images.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
COPY script/packages/build.txt /src/script/packages/
RUN apt-get -q update && \
    sed '/^#/d' /src/script/packages/build.txt | \
    DEBIAN_FRONTEND=noninteractive xargs apt-get -q install --yes --no-install-recommends
COPY CMakeLists.txt /src/
COPY app /src/app/
# As script/package builds it.
RUN cmake -S /src -B /build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_INSTALL_PREFIX=/usr -DBUILD_TESTING=OFF && \
    cmake --build /build && \
    DESTDIR=/out cmake --install /build --strip

FROM ${BASE}
# More packages: mtail for the Nomad job, which has it count what nginx refuses.
ARG MORE=""
# nginx, what bcryptd is linked to, and openssl for a certificate to try it with. Debian would start
# nginx; policy-rc.d forbids that. Nothing in the image may run as another user than its caller.
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d && \
    apt-get -q update && \
    DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends \
        libcrypt1 libfcgi0ldbl libjson-c5 libseccomp2 libsystemd0 nginx openssl $MORE && \
    apt-get clean && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* \
        /usr/share/doc/* /usr/share/man/* /usr/share/locale/* && \
    find / -xdev -type f -perm /6000 -exec chmod a-s {} + && \
    install --directory /etc/bcryptd/tls && \
    install --directory --mode 1777 /run/bcryptd
COPY docker /usr/lib/bcryptd/docker/
COPY nginx /usr/lib/bcryptd/nginx/
COPY script/lib.sh script/serve.sh /usr/lib/bcryptd/script/
COPY --from=build /out/usr/sbin/bcryptd /usr/sbin/

ARG VERSION=0.1.0
RUN [ "$(bcryptd --version)" = "bcryptd $VERSION" ]
LABEL org.opencontainers.image.title="bcryptd" \
      org.opencontainers.image.description="bcrypt over HTTP behind nginx" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.licenses="MIT"

# www-data, by its number, so that it can be seen not to be root.
USER 33:33
# HTTP, which only says that HTTPS is wanted unless BCRYPTD_PLAIN_HTTP is on, and HTTPS.
EXPOSE 8000 8443
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/usr/lib/bcryptd/docker/health"]
ENTRYPOINT ["/usr/lib/bcryptd/docker/entrypoint"]
