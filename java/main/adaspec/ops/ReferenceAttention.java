package adaspec.ops;

import static adaspec.ops.ShapeChecks.require;
import static adaspec.ops.ShapeChecks.requireMatrix;

import adaspec.tensor.Tensor;

/** Rotary embedding and attention as loops; see {@link Ops}. */
final class ReferenceAttention {
    private ReferenceAttention() {}

    static void rotary(Tensor qkv, HeadLayout layout, Tensor positions, Tensor table, boolean inverse) {
        requireMatrix("rotary", "qkv", qkv, positions.rows(), layout.rowWidth());
        int half = (int) table.columns() / 2;
        for (long row = 0; row < qkv.rows(); row++) {
            int position = ReferenceOps.idIn("rotary", positions, row, table.rows());
            for (int h = 0; h < layout.queryHeads(); h++) {
                rotate(qkv, row, layout.queryAt(h), table, position, half, inverse);
            }
            for (int g = 0; g < layout.kvHeads(); g++) {
                rotate(qkv, row, layout.keyAt(g), table, position, half, inverse);
            }
        }
    }

    private static void rotate(Tensor qkv, long row, int offset, Tensor table, int position, int half, boolean inverse) {
        for (int i = 0; i < half; i++) {
            double cos = table.get(position, i);
            double sin = inverse ? -table.get(position, half + i) : table.get(position, half + i);
            double a = qkv.get(row, offset + i);
            double b = qkv.get(row, offset + half + i);
            qkv.set(row, offset + i, (float) (a * cos - b * sin));
            qkv.set(row, offset + half + i, (float) (b * cos + a * sin));
        }
    }

    static void forward(Tensor out, Tensor lse, Tensor qkv, HeadLayout layout, Tensor starts, float scale) {
        requireMatrix("attention", "qkv", qkv, qkv.rows(), layout.rowWidth());
        requireMatrix("attention", "out", out, qkv.rows(), layout.outputWidth());
        requireMatrix("attention", "lse", lse, qkv.rows(), layout.queryHeads());
        for (long s = 0; s + 1 < starts.rows(); s++) {
            int first = starts.getInt(s);
            for (int row = first; row < starts.getInt(s + 1); row++) {
                for (int h = 0; h < layout.queryHeads(); h++) {
                    int query = layout.queryAt(h);
                    int key = layout.keyAt(layout.kvHeadOf(h));
                    int value = layout.valueAt(layout.kvHeadOf(h));
                    double[] p = new double[row - first + 1];
                    for (int j = 0; j < p.length; j++) {
                        p[j] = scale * dot(qkv, row, query, qkv, first + j, key, layout.headDim());
                    }
                    double logSum = softmax(p);
                    lse.set(row, h, (float) logSum);
                    for (int d = 0; d < layout.headDim(); d++) {
                        double sum = 0;
                        for (int j = 0; j < p.length; j++) {
                            sum += p[j] * qkv.get(first + j, value + d);
                        }
                        out.set(row, (long) h * layout.headDim() + d, (float) sum);
                    }
                }
            }
        }
    }

    /** In place; returns the log-sum-exp of the scores. */
    private static double softmax(double[] scores) {
        double max = Double.NEGATIVE_INFINITY;
        for (double score : scores) {
            max = Math.max(max, score);
        }
        double sum = 0;
        for (int j = 0; j < scores.length; j++) {
            scores[j] = Math.exp(scores[j] - max);
            sum += scores[j];
        }
        for (int j = 0; j < scores.length; j++) {
            scores[j] /= sum;
        }
        return max + Math.log(sum);
    }

    private static double dot(Tensor a, long aRow, int aOffset, Tensor b, long bRow, int bOffset, int n) {
        double sum = 0;
        for (int d = 0; d < n; d++) {
            sum += (double) a.get(aRow, aOffset + d) * b.get(bRow, bOffset + d);
        }
        return sum;
    }

    static void backward(Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, HeadLayout layout, Tensor starts, float scale) {
        requireMatrix("attentionBackward", "dQkv", dQkv, qkv.rows(), layout.rowWidth());
        requireMatrix("attentionBackward", "dOut", dOut, qkv.rows(), layout.outputWidth());
        int width = layout.rowWidth();
        double[] gradient = new double[Math.toIntExact(qkv.rows() * width)];
        for (long s = 0; s + 1 < starts.rows(); s++) {
            int first = starts.getInt(s);
            for (int row = first; row < starts.getInt(s + 1); row++) {
                for (int h = 0; h < layout.queryHeads(); h++) {
                    int query = layout.queryAt(h);
                    int key = layout.keyAt(layout.kvHeadOf(h));
                    int value = layout.valueAt(layout.kvHeadOf(h));
                    int o = h * layout.headDim();
                    double delta = dot(dOut, row, o, out, row, o, layout.headDim());
                    for (int j = first; j <= row; j++) {
                        double p = Math.exp(scale * dot(qkv, row, query, qkv, j, key, layout.headDim()) - lse.get(row, h));
                        double dP = dot(dOut, row, o, qkv, j, value, layout.headDim());
                        double dScore = p * (dP - delta) * scale;
                        for (int d = 0; d < layout.headDim(); d++) {
                            gradient[j * width + value + d] += p * dOut.get(row, o + d);
                            gradient[row * width + query + d] += dScore * qkv.get(j, key + d);
                            gradient[j * width + key + d] += dScore * qkv.get(row, query + d);
                        }
                    }
                }
            }
        }
        for (long row = 0; row < qkv.rows(); row++) {
            for (int c = 0; c < width; c++) {
                dQkv.set(row, c, (float) gradient[(int) row * width + c]);
            }
        }
    }

    static void cacheAppend(Tensor keys, Tensor values, Tensor qkv, HeadLayout layout, long position) {
        long capacity = keys.dim(1);
        require(position + qkv.rows() <= capacity, "cacheAppend", qkv.rows() + " rows at position " + position + " of a cache of " + capacity);
        for (long m = 0; m < qkv.rows(); m++) {
            for (int g = 0; g < layout.kvHeads(); g++) {
                for (int d = 0; d < layout.headDim(); d++) {
                    long at = (g * capacity + position + m) * layout.headDim() + d;
                    keys.set(at, qkv.get(m, layout.keyAt(g) + d));
                    values.set(at, qkv.get(m, layout.valueAt(g) + d));
                }
            }
        }
    }

    static void decode(Tensor out, Tensor qkv, HeadLayout layout, Tensor keys, Tensor values, long position, float scale) {
        requireMatrix("attentionDecode", "out", out, qkv.rows(), layout.outputWidth());
        long capacity = keys.dim(1);
        int headDim = layout.headDim();
        for (long m = 0; m < qkv.rows(); m++) {
            for (int h = 0; h < layout.queryHeads(); h++) {
                int query = layout.queryAt(h);
                long head = layout.kvHeadOf(h) * capacity * headDim;
                double[] p = new double[(int) (position + m + 1)];
                for (int j = 0; j < p.length; j++) {
                    double sum = 0;
                    for (int d = 0; d < headDim; d++) {
                        sum += (double) qkv.get(m, query + d) * keys.get(head + (long) j * headDim + d);
                    }
                    p[j] = scale * sum;
                }
                softmax(p);
                for (int d = 0; d < headDim; d++) {
                    double sum = 0;
                    for (int j = 0; j < p.length; j++) {
                        sum += p[j] * values.get(head + (long) j * headDim + d);
                    }
                    out.set(m, (long) h * headDim + d, (float) sum);
                }
            }
        }
    }
}
