package clients;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.sql.DriverManager;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Calls one host by every client, and tells what each of them got. It knows nothing of faultlayer.
 *
 * <p>The event has `host`, `secure` (use TLS), the ports `http`, `https`, `postgres`, and `kept`: use
 * the connections of earlier events.
 */
public class Handler implements RequestHandler<Map<String, Object>, Map<String, Object>> {
  private static final int LIMIT = 1000; // milliseconds for a connection, and for an answer
  private static final String AUTHORITY = "/var/authority.pem";

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final SSLContext tls = trusting(AUTHORITY);
  private final HttpClient kept = newHttpClient();

  private interface Client {
    int call(Map<String, Object> event) throws Exception;
  }

  private final Map<String, Client> clients = new LinkedHashMap<>();

  public Handler() {
    clients.put("HttpClient", this::byHttpClient);
    clients.put("HttpURLConnection", this::byHttpUrlConnection);
    clients.put("JDBC", this::byJdbc);
  }

  private static SSLContext trusting(String path) {
    try (InputStream file = Files.newInputStream(Path.of(path))) {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      store.setCertificateEntry(
          "authority", CertificateFactory.getInstance("X.509").generateCertificate(file));
      TrustManagerFactory managers =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      managers.init(store);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, managers.getTrustManagers(), null);
      return context;
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  private static boolean secure(Map<String, Object> event) {
    return Boolean.TRUE.equals(event.get("secure"));
  }

  private static boolean isKept(Map<String, Object> event) {
    return Boolean.TRUE.equals(event.get("kept"));
  }

  private static String url(Map<String, Object> event) {
    String scheme = secure(event) ? "https" : "http";
    return scheme + "://" + event.get("host") + ":" + event.get(scheme) + "/";
  }

  private HttpClient newHttpClient() {
    return HttpClient.newBuilder()
        .version(HttpClient.Version.HTTP_1_1)
        .connectTimeout(Duration.ofMillis(LIMIT))
        .sslContext(tls)
        .build();
  }

  private int byHttpClient(Map<String, Object> event) throws Exception {
    HttpClient client = isKept(event) ? kept : newHttpClient();
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(url(event)))
            .timeout(Duration.ofMillis(LIMIT + 200)) // it begins with the connection
            .build();
    return client.send(request, BodyHandlers.ofByteArray()).body().length;
  }

  private int byHttpUrlConnection(Map<String, Object> event) throws Exception {
    HttpURLConnection connection = (HttpURLConnection) new URL(url(event)).openConnection();
    connection.setConnectTimeout(LIMIT);
    connection.setReadTimeout(LIMIT);
    if (!isKept(event)) {
      connection.setRequestProperty("Connection", "close");
    }
    if (connection instanceof HttpsURLConnection) {
      ((HttpsURLConnection) connection).setSSLSocketFactory(tls.getSocketFactory());
    }
    try (InputStream body = connection.getInputStream()) {
      return body.readAllBytes().length;
    }
  }

  private int byJdbc(Map<String, Object> event) throws Exception {
    Properties given = new Properties();
    given.setProperty("user", "shop");
    given.setProperty("connectTimeout", "1");
    given.setProperty("socketTimeout", "1");
    given.setProperty("sslmode", secure(event) ? "verify-full" : "disable");
    given.setProperty("sslrootcert", AUTHORITY);
    given.setProperty("gssEncMode", "disable");
    String url = "jdbc:postgresql://" + event.get("host") + ":" + event.get("postgres") + "/shop";
    try (var connection = DriverManager.getConnection(url, given);
        var statement = connection.createStatement();
        var rows = statement.executeQuery("select repeat('x', 20000)")) {
      rows.next();
      return rows.getString(1).length();
    }
  }

  private static String told(Throwable error) {
    String text = error.getClass().getName() + ": " + error.getMessage();
    Throwable cause = error.getCause();
    return cause == null || cause == error ? text : text + " < " + told(cause);
  }

  private static Map<String, Object> call(Client client, Map<String, Object> event) {
    long began = System.nanoTime();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("error", "");
    result.put("bytes", 0);
    try {
      result.put("bytes", client.call(event));
    } catch (Throwable raised) {
      result.put("error", told(raised));
    }
    result.put("seconds", (System.nanoTime() - began) / 1e9);
    return result;
  }

  @Override
  public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
    Map<String, Future<Map<String, Object>>> calls = new LinkedHashMap<>();
    clients.forEach(
        (name, client) -> calls.put(name, threads.submit(() -> call(client, event))));
    Map<String, Object> results = new LinkedHashMap<>();
    calls.forEach(
        (name, future) -> {
          try {
            results.put(name, future.get());
          } catch (Exception error) {
            throw new IllegalStateException(error);
          }
        });
    return results;
  }
}
