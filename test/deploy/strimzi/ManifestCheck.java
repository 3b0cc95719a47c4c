import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.File;
import java.lang.reflect.Method;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Reads Strimzi's manifests into its own classes, and names each property that they do not know. */
public class ManifestCheck {
    private static final String MODEL = "io.strimzi.api.kafka.model.";
    private static final Map<String, String> CLASSES = Map.of(
            "Kafka", MODEL + "kafka.Kafka",
            "KafkaNodePool", MODEL + "nodepool.KafkaNodePool",
            "KafkaTopic", MODEL + "topic.KafkaTopic",
            "KafkaUser", MODEL + "user.KafkaUser");
    /** Some getters stand twice in a class, with the type of an interface. */
    private static final Set<String> unknown = new TreeSet<>();
    private static int read = 0;

    public static void main(String[] files) throws Exception {
        ObjectMapper mapper = new ObjectMapper(new YAMLFactory());
        for (String file : files) {
            var documents = mapper.readerFor(JsonNode.class).<JsonNode>readValues(new File(file));
            while (documents.hasNext()) {
                JsonNode node = documents.next();
                String kind = node.path("kind").asText();
                if (!CLASSES.containsKey(kind)) throw new IllegalArgumentException(file + ": no kind " + kind);
                String name = new File(file).getName() + " " + kind + " " + node.at("/metadata/name").asText();
                look(mapper.treeToValue(node, Class.forName(CLASSES.get(kind))), name);
                read++;
            }
        }
        unknown.forEach(System.out::println);
        System.out.println(read + " resources, " + unknown.size() + " unknown properties");
        System.exit(read > 0 && unknown.isEmpty() ? 0 : 1);
    }

    private static void look(Object value, String path) throws Exception {
        if (value instanceof Iterable<?> list) {
            for (Object each : list) look(each, path + "[]");
        } else if (value instanceof Map<?, ?> map) {
            for (var entry : map.entrySet()) look(entry.getValue(), path + "." + entry.getKey());
        } else if (value != null && isModel(value.getClass())) {
            for (Method getter : value.getClass().getMethods()) {
                String name = getter.getName();
                if (!name.startsWith("get") || getter.getParameterCount() > 0) continue;
                if (!isModel(getter.getDeclaringClass())) continue;
                Object inside = getter.invoke(value);
                if (name.equals("getAdditionalProperties")) {
                    for (Object property : ((Map<?, ?>) inside).keySet()) {
                        unknown.add(path + ": unknown property " + property);
                    }
                } else {
                    look(inside, path + "." + Character.toLowerCase(name.charAt(3)) + name.substring(4));
                }
            }
        }
    }

    private static boolean isModel(Class<?> type) {
        if (type.isEnum()) return false;
        return type.getName().startsWith(MODEL) || type.getName().startsWith("io.fabric8.kubernetes.api.model.");
    }
}
