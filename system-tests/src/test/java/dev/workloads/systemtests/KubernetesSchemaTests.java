package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kubernetes.client.openapi.JSON;
import io.kubernetes.client.openapi.models.V1Deployment;
import io.kubernetes.client.openapi.models.V1Ingress;
import io.kubernetes.client.openapi.models.V1Job;
import io.kubernetes.client.openapi.models.V1Namespace;
import io.kubernetes.client.openapi.models.V1NetworkPolicy;
import io.kubernetes.client.openapi.models.V1ObjectMeta;
import io.kubernetes.client.openapi.models.V1PodDisruptionBudget;
import io.kubernetes.client.openapi.models.V1Service;
import io.kubernetes.client.openapi.models.V2HorizontalPodAutoscaler;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Every manifest is what Kubernetes' API takes: no field that it does not know, none missing, each of its type. */
class KubernetesSchemaTests {

  private static final Map<String, Class<?>> SCHEMA = Map.of(
      "apps/v1 Deployment", V1Deployment.class,
      "autoscaling/v2 HorizontalPodAutoscaler", V2HorizontalPodAutoscaler.class,
      "batch/v1 Job", V1Job.class,
      "keda.sh/v1alpha1 ScaledObject", ScaledObject.class,
      "networking.k8s.io/v1 Ingress", V1Ingress.class,
      "networking.k8s.io/v1 NetworkPolicy", V1NetworkPolicy.class,
      "policy/v1 PodDisruptionBudget", V1PodDisruptionBudget.class,
      "v1 Namespace", V1Namespace.class,
      "v1 Service", V1Service.class);

  static List<JsonNode> resources() {
    return Manifests.resources();
  }

  @ParameterizedTest
  @MethodSource("resources")
  void manifestFollowsTheSchema(JsonNode resource) {
    check(resource.toString());
  }

  @ParameterizedTest
  @CsvSource(quoteCharacter = '`', value = {
      "apps/v1, apps/v1beta1",
      "Deployment, Deploymant",
      "readinessProbe, readynessProbe",
      "maxUnavailable, maxUnavailible",
      "\"containerPort\":8000, \"containerPort\":\"8000\"",
      "\"prometheus.io/port\":\"8001\", \"prometheus.io/port\":8001",
      "\"runAsNonRoot\":true, \"runAsNonRoot\":\"true\"",
      "\"memory\":\"256Mi\", \"memory\":\"256MiB\"",
      "\"drop\":[\"ALL\"], \"drop\":\"ALL\"",
      "\"mountPath\":\"/tmp\", \"readOnly\":false"})
  void brokenManifestDoesNot(String right, String wrong) {
    String deployment = Manifests.resource("Deployment", "http-api").toString();
    assertThat(deployment).contains(right);

    assertThatThrownBy(() -> check(deployment.replace(right, wrong))).isNotNull();
  }

  @ParameterizedTest
  @CsvSource(quoteCharacter = '`', value = {
      "minReplicaCount, minReplicas",
      "\"maxReplicaCount\":6, \"maxReplicaCount\":\"6\"",
      "scaleTargetRef, scaleTarget",
      "\"lagThreshold\":\"64\", \"lagThreshold\":64",
      "natsServerMonitoringEndpoint, natsServer",
      "\"type\":\"prometheus\", \"type\":\"promethius\""})
  void brokenScaledObjectDoesNot(String right, String wrong) {
    String scaledObject = Manifests.resource("ScaledObject", "task-leet").toString();
    assertThat(scaledObject).contains(right);

    assertThatThrownBy(() -> check(scaledObject.replace(right, wrong))).isNotNull();
  }

  /** What KEDA takes, as far as we use it: its schema is not in the library, and knows nothing of the triggers. */
  private record ScaledObject(String apiVersion, String kind, V1ObjectMeta metadata, Spec spec) {

    private static final Map<String, Set<String>> TRIGGERS = Map.of(
        "nats-jetstream", Set.of("natsServerMonitoringEndpoint", "account", "stream", "consumer", "lagThreshold"),
        "prometheus", Set.of("serverAddress", "query", "threshold"));

    private record Spec(Target scaleTargetRef, int minReplicaCount, int maxReplicaCount, int pollingInterval,
        List<Trigger> triggers) {}

    private record Target(String name) {}

    private record Trigger(String type, Map<String, String> metadata) {

      private Trigger {
        assertThat(metadata.keySet()).isEqualTo(TRIGGERS.get(type));
      }
    }
  }

  /** The classes refuse unknown and missing fields; what they convert comes back as something else. */
  private static void check(String manifest) {
    JsonObject written = JsonParser.parseString(manifest).getAsJsonObject();
    String type = written.get("apiVersion").getAsString() + " " + written.get("kind").getAsString();
    assertThat(SCHEMA).containsKey(type);

    Object read = JSON.getGson().fromJson(written, SCHEMA.get(type));
    assertThat(withoutEmpty(JSON.getGson().toJsonTree(read))).isEqualTo(withoutEmpty(written));
  }

  // The classes make an empty list or map out of none
  private static JsonElement withoutEmpty(JsonElement element) {
    if (element instanceof JsonObject object) {
      object.asMap().values().removeIf(KubernetesSchemaTests::isEmpty);
    } else if (element instanceof JsonArray list) {
      list.forEach(KubernetesSchemaTests::withoutEmpty);
    }
    return element;
  }

  private static boolean isEmpty(JsonElement element) {
    withoutEmpty(element);
    return element instanceof JsonObject object && object.isEmpty()
        || element instanceof JsonArray list && list.isEmpty();
  }
}
