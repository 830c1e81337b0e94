# SPDX-License-Identifier: Apache-2.0
# The service in a container. The build stage is also the image that CI and developers use.
#
#   docker build -t xenkiln .            (or: buildah build -t xenkiln .)
#   docker run --network host --device /dev/kvm --security-opt seccomp=unconfined \
#              --security-opt apparmor=unconfined --security-opt systempaths=unconfined \
#              -v xenkiln:/var/lib/xenkiln xenkiln
#
# The build sandbox makes user namespaces of its own, which a container's default seccomp profile
# forbids: hence the security options. --device /dev/kvm is optional. --network host because the
# service listens on loopback only.
ARG BASE=debian:12
FROM ${BASE} AS build
COPY packaging /src/packaging
RUN /src/packaging/install-packages build && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN cd /src && cmake --preset release && cmake --build --preset release

FROM ${BASE}
COPY packaging /usr/share/xenkiln/packaging
RUN /usr/share/xenkiln/packaging/install-packages run && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --home-dir /var/lib/xenkiln --shell /usr/sbin/nologin xenkiln \
 && XENKILN_USER=xenkiln /usr/share/xenkiln/packaging/service-user
COPY --from=build /src/build/release/bin/xenkiln /src/build/release/bin/xenkiln-main \
     /src/build/release/bin/xenkiln-worker /usr/bin/
COPY --from=build /src/recipes /usr/share/xenkiln/recipes
USER xenkiln
VOLUME /var/lib/xenkiln
ENTRYPOINT ["/usr/bin/xenkiln"]
CMD ["serve", "--data", "/var/lib/xenkiln/data"]
