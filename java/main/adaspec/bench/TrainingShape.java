package adaspec.bench;

import adaspec.model.Architecture;
import java.util.Arrays;
import java.util.List;

/** A target and a draft whose training is measured; the reference has the draft's shape. */
public enum TrainingShape {
    /** Small enough for a test. */
    TINY("tiny", PythiaShape.TINY, PythiaShape.TINY_DRAFT),
    PYTHIA_70M_31M("70m-31m", PythiaShape.PYTHIA_70M, PythiaShape.PYTHIA_31M),
    PYTHIA_160M_31M("160m-31m", PythiaShape.PYTHIA_160M, PythiaShape.PYTHIA_31M);

    /** The longest sequence that the models take. */
    public static final int POSITIONS = PythiaShape.POSITIONS;

    private final String name;
    private final PythiaShape target;
    private final PythiaShape draft;

    TrainingShape(String name, PythiaShape target, PythiaShape draft) {
        this.name = name;
        this.target = target;
        this.draft = draft;
    }

    /** The shape that the command line calls {@code name}, or null. */
    public static TrainingShape named(String name) {
        return Arrays.stream(values()).filter(shape -> shape.name.equals(name)).findFirst().orElse(null);
    }

    /** As the command line spells them. */
    public static List<String> names() {
        return Arrays.stream(values()).map(TrainingShape::toString).toList();
    }

    /** Ids of all three models. */
    public int vocabulary() {
        return target.vocabulary();
    }

    public Architecture target() {
        return target.architecture();
    }

    public Architecture draft() {
        return draft.architecture();
    }

    @Override
    public String toString() {
        return name;
    }
}
