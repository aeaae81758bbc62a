import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/**
 * Serves one unpacked web application on loopback until standard input ends: WarServer PORT CONTEXT FOLDER.
 */
public final class WarServer {

    private WarServer() {
    }

    public static void main(String[] args) throws Exception {
        Path work = Files.createTempDirectory("war-server");
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(work.toString());
        Connector connector = new Connector();
        connector.setPort(Integer.parseInt(args[0]));
        connector.setProperty("address", "127.0.0.1");
        connector.setProperty("relaxedQueryChars", "[]|{}^\"<>");
        connector.setProperty("relaxedPathChars", "[]|");
        connector.setMaxPostSize(-1);
        tomcat.setConnector(connector);
        tomcat.addWebapp(args[1], new File(args[2]).getAbsolutePath());
        tomcat.start();
        System.out.println("serving");
        while (System.in.read() >= 0) {
            // whoever started us still holds the pipe
        }
        tomcat.stop();
        System.exit(0);
    }
}
