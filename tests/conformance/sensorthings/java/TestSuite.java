package de.fraunhofer.iosb.ilt.statests;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;

/**
 * Stands before the suite's own class of this name: instead of starting servers it points all tests at a server that runs already.
 *
 * System properties: sta.base (address without the version), sta.mqtt (tcp://host:port), sta.without (name of an extension whose
 * entity sets are to be taken as absent: "tasking", "multidatastream").
 */
public final class TestSuite {

    public static final String KEY_HAS_MULTI_DATASTREAM = "hasMultiDatastream";
    public static final String KEY_HAS_ACTUATION = "hasActuation";
    public static final String KEY_DB_NAME = "dbName";

    private static final TestSuite INSTANCE = new TestSuite();

    private ServerSettings settings;

    private TestSuite() {
    }

    public static TestSuite getInstance() {
        return INSTANCE;
    }

    public synchronized ServerSettings getServerSettings(Map<String, String> parameters) throws IOException, InterruptedException {
        if (settings == null) {
            settings = look();
        }
        return settings;
    }

    private static ServerSettings look() throws IOException, InterruptedException {
        ServerSettings found = new ServerSettings();
        found.setServiceRootUrl(System.getProperty("sta.base"));
        found.setMqttUrl(System.getProperty("sta.mqtt", "tcp://127.0.0.1:1"));
        found.addImplementedVersion(ServerVersion.v_1_1);
        String root = found.getServiceUrl(ServerVersion.v_1_1);
        HttpResponse<String> answer = HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(URI.create(root)).build(), HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException("The root " + root + " answers " + answer.statusCode());
        }
        String without = System.getProperty("sta.without", "");
        JsonNode conformance = new ObjectMapper().readTree(answer.body()).path("serverSettings").path("conformance");
        for (JsonNode claim : conformance) {
            for (Requirement requirement : Requirement.getAllMatching(claim.textValue())) {
                boolean hidden = requirement.getName().contains("iot_tasking") && without.contains("tasking")
                        || requirement.getName().contains("multi-datastream") && without.contains("multidatastream");
                if (!hidden) {
                    found.addImplementedRequirement(ServerVersion.v_1_1, requirement);
                }
            }
        }
        found.initExtensionsAndTypes();
        return found;
    }
}
