package adaspec.engine;

/**
 * A token as it is emitted.
 *
 * @param id   its id
 * @param text what it completes: empty for an end token and in the middle of a character
 */
public record Token(int id, String text) {}
