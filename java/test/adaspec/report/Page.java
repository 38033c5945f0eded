package adaspec.report;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.SAXParseException;
import org.xml.sax.helpers.DefaultHandler;

/** A page as the JDK's XML parser reads it: what is found in it was written well-formed and escaped. */
public final class Page {
    private final Element root;

    private Page(Element root) {
        this.root = root;
    }

    public static Page parse(String markup) {
        try {
            DocumentBuilder builder = DocumentBuilderFactory.newInstance().newDocumentBuilder();
            builder.setErrorHandler(new DefaultHandler() {
                @Override
                public void fatalError(SAXParseException e) throws SAXParseException {
                    throw e;
                }
            });
            return new Page(builder.parse(new ByteArrayInputStream(markup.getBytes(StandardCharsets.UTF_8))).getDocumentElement());
        } catch (Exception e) {
            throw new AssertionError("the page is not well-formed: " + e.getMessage(), e);
        }
    }

    /** All elements that {@code wanted} takes, in the order of the document. */
    public List<Element> find(Predicate<Element> wanted) {
        List<Element> found = new ArrayList<>();
        collect(root, wanted, found);
        return found;
    }

    private static void collect(Element element, Predicate<Element> wanted, List<Element> found) {
        if (wanted.test(element)) {
            found.add(element);
        }
        for (Node child = element.getFirstChild(); child != null; child = child.getNextSibling()) {
            if (child instanceof Element e) {
                collect(e, wanted, found);
            }
        }
    }

    public List<Element> named(String name) {
        return find(e -> e.getTagName().equals(name));
    }

    /** Elements that have the class {@code style}, perhaps among others. */
    public List<Element> styled(String style) {
        return find(e -> List.of(e.getAttribute("class").split(" ")).contains(style));
    }

    /** The cells of the table's row that begins with {@code name}, in the order of the tables. */
    public List<List<String>> rows(String name) {
        List<List<String>> rows = new ArrayList<>();
        for (Element row : named("tr")) {
            List<Element> cells = new ArrayList<>();
            collect(row, e -> e.getTagName().equals("td") || e.getTagName().equals("th"), cells);
            if (cells.getFirst().getTextContent().equals(name)) {
                rows.add(cells.stream().skip(1).map(Element::getTextContent).toList());
            }
        }
        return rows;
    }

    /** The figure whose caption is {@code caption}, the first of them. */
    public Element figure(String caption) {
        return named("figure").stream()
                .filter(f -> f.getElementsByTagName("figcaption").item(0).getTextContent().equals(caption))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no figure " + caption));
    }

    /** The texts of all {@code <title>} of an element's parts: what its points and bars say. */
    public static List<String> tips(Element figure) {
        List<String> tips = new ArrayList<>();
        var titles = figure.getElementsByTagName("title");
        for (int i = 0; i < titles.getLength(); i++) {
            tips.add(titles.item(i).getTextContent());
        }
        return tips;
    }
}
