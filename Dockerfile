# Both images, built from source: docker build --target http-api . (or task-leet)

# Jars are the same for every architecture: built on this machine's own
FROM --platform=$BUILDPLATFORM maven:3-eclipse-temurin-25 AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.m2 \
    mvn -B -ntp -Dmaven.test.skip=true -pl http-api,task-leet -am package
RUN for app in http-api task-leet; do \
      java -Djarmode=tools -jar $app/target/$app.jar extract --layers --destination /layers/$app; \
    done

FROM eclipse-temurin:25-jre AS run
RUN useradd --system --uid 10001 --no-create-home app
WORKDIR /app
# NATS may come back under another address: the JVM asks again for an address after 5 s rather than 30, and for an unknown name
# after 1 s rather than 10, for which there is no flag
RUN printf 'networkaddress.cache.ttl=5\nnetworkaddress.cache.negative.ttl=1\n' >> "$JAVA_HOME/conf/security/java.security"
ENV LOGGING_STRUCTURED_FORMAT_CONSOLE=ecs
# The JRE image has bash but neither curl nor wget
COPY --chmod=755 deploy/docker/ready /usr/local/bin/ready
HEALTHCHECK --interval=2s --timeout=2s --start-period=60s --retries=3 CMD ["ready"]

FROM run AS http-api
COPY --from=build /layers/http-api/dependencies/ ./
COPY --from=build /layers/http-api/spring-boot-loader/ ./
COPY --from=build /layers/http-api/snapshot-dependencies/ ./
COPY --from=build /layers/http-api/application/ ./
RUN --mount=from=nats:2-alpine,source=/usr/local/bin/nats-server,target=/usr/local/bin/nats-server \
    --mount=from=build,source=/src/task-leet/target/task-leet.jar,target=/tmp/peer.jar \
    --mount=source=deploy/docker/train,target=/usr/local/bin/train \
    train http-api.jar /tmp/peer.jar -XX:+UseSerialGC -XX:+UseCompactObjectHeaders -Xmx96m \
      -XX:+UnlockDiagnosticVMOptions -XX:-AOTAdapterCaching
ENV MANAGEMENT_PORT=8001
EXPOSE 8000 8001
USER 10001
# The heap follows the container's memory limit; below some 250 MiB the JVM takes MinRAMPercentage for its maximum. It starts
# with what it holds under load: from the JVM's own 8 MB it grew with 32 collections before it was ready, and its small young
# generation let requests grow old. The AOT cache is mapped where it was made for, and most of it stays the file's: at an
# address of chance the JVM rewrites all of its 70 MB, which are the process's own memory from then on. It holds no machine
# code: adapters are compiled for the CPU of the build, and JDK 25 before 25.0.5 runs them on any (JDK-8388703). What
# the compiler has freed goes back to the system every 5 s: without, task-leet came to 186 of its 192 MiB under load.
# Compilers that wait three times longer leave the start and the first seconds more of two cores. Reflection, which only
# the start and actuator use, is native: otherwise the JVM generates classes for it as it starts. Requests that wait for
# their reply outlive a young collection: survivor spaces that hold them keep them out of the old generation
ENTRYPOINT ["java", "-XX:AOTCache=app.aot", "-XX:+UseSerialGC", "-XX:+UseCompactObjectHeaders", \
    "-XX:MinRAMPercentage=37.5", "-XX:MaxRAMPercentage=37.5", "-XX:InitialRAMPercentage=37.5", \
    "-XX:+UnlockDiagnosticVMOptions", "-XX:-AOTAdapterCaching", "-XX:ArchiveRelocationMode=0", \
    "-XX:TrimNativeHeapInterval=5000", "-XX:SurvivorRatio=2", \
    "-XX:CompileThresholdScaling=3", "-Djdk.reflect.useNativeAccessorOnly=true", \
    "-XX:+ExitOnOutOfMemoryError", "-jar", "http-api.jar"]

FROM run AS task-leet
COPY --from=build /layers/task-leet/dependencies/ ./
COPY --from=build /layers/task-leet/spring-boot-loader/ ./
COPY --from=build /layers/task-leet/snapshot-dependencies/ ./
COPY --from=build /layers/task-leet/application/ ./
RUN --mount=from=nats:2-alpine,source=/usr/local/bin/nats-server,target=/usr/local/bin/nats-server \
    --mount=from=build,source=/src/http-api/target/http-api.jar,target=/tmp/peer.jar \
    --mount=source=deploy/docker/train,target=/usr/local/bin/train \
    train task-leet.jar /tmp/peer.jar -XX:+UseSerialGC -XX:+UseCompactObjectHeaders -Xmx64m \
      -XX:+UnlockDiagnosticVMOptions -XX:-AOTAdapterCaching
ENV MANAGEMENT_PORT=8002
EXPOSE 8002
USER 10001
ENTRYPOINT ["java", "-XX:AOTCache=app.aot", "-XX:+UseSerialGC", "-XX:+UseCompactObjectHeaders", \
    "-XX:MinRAMPercentage=33.3", "-XX:MaxRAMPercentage=33.3", "-XX:InitialRAMPercentage=20", \
    "-XX:+UnlockDiagnosticVMOptions", "-XX:-AOTAdapterCaching", "-XX:ArchiveRelocationMode=0", \
    "-XX:TrimNativeHeapInterval=5000", "-XX:CompileThresholdScaling=3", "-Djdk.reflect.useNativeAccessorOnly=true", \
    "-XX:+ExitOnOutOfMemoryError", "-jar", "task-leet.jar"]
