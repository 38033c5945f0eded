/*
 * One step of speculation by enumeration, over models of a few ids whose laws depend on the ids before: every draft with its probability, every pattern of
 * tests passed and failed and every next token with the volume that they have among the uniform numbers; what is emitted there is asked of a judge, with
 * seeds whose numbers lie there.
 */
#pragma once

#include "law_oracle.h"

enum class Fault { NONE, WRONG_Q, FIRST_FAILURE, NOT_SCALED };

/* Who decides: the library, or the rule in double with a fault in it. */
struct Judge {
    bool library;
    Fault fault;

    /* Of the rule. */
    void operator()(Decision decision, const adaspec_draw& draw, int32_t& accepted, int32_t& next) const {
        std::vector<double> u;
        for (size_t i = 0; i < decision.bound.size(); i++) {
            u.push_back(uniform(draw, ADASPEC_PURPOSE_ACCEPT, (int32_t)i));
        }
        if (fault == Fault::FIRST_FAILURE) {
            decision.verification = ADASPEC_VERIFY_TOKEN;
        }
        if (fault == Fault::NOT_SCALED) {
            std::fill(decision.scale.begin(), decision.scale.end(), 1);
        }
        accepted = decision.accepted(u.data());
        next = pick(decision.left((size_t)accepted), uniform(draw.seed, draw.sequence, draw.position + accepted, ADASPEC_PURPOSE_NEXT));
    }
    static int32_t pick(const std::vector<double>& weights, double u) {
        double total = 0;
        for (double w : weights) {
            total += w;
        }
        double through = 0;
        int32_t id = -1;
        for (size_t j = 0; j < weights.size() && !(through > u * total); j++) {
            through += weights[j];
            id = weights[j] > 0 ? (int32_t)j : id;
        }
        return id;
    }
};

/* Target and draft of a small vocabulary: logits that depend on all ids before. */
struct Models {
    int vocabulary;
    uint64_t seed;
    float spread;

    std::vector<float> logits(uint64_t which, const std::vector<int32_t>& before) const {
        uint64_t state = seed * 2 + which;
        for (int32_t id : before) {
            state = state * 31 + (uint64_t)id + 1;
        }
        Random random(state);
        std::vector<float> x;
        for (int j = 0; j < vocabulary; j++) {
            x.push_back(spread * random.normal());
        }
        return x;
    }
    virtual std::vector<float> target(const std::vector<int32_t>& before) const {
        return logits(0, before);
    }
    virtual std::vector<float> draft(const std::vector<int32_t>& before) const {
        return logits(1, before);
    }
    virtual ~Models() {}
    Models(int vocabulary, uint64_t seed, float spread = 1) : vocabulary(vocabulary), seed(seed), spread(spread) {}
};

/* The example of Sun et al.: p = (1/3, 2/3), q = (2/3, 1/3) everywhere. */
struct Example : Models {
    Example() : Models(2, 0) {}
    std::vector<float> target(const std::vector<int32_t>&) const override {
        return {0, logf(2)};
    }
    std::vector<float> draft(const std::vector<int32_t>&) const override {
        return {logf(2), 0};
    }
};

/* One step of speculation: drafts of g tokens, laws under `warp`; the ids of the models lie `apart` ids from each other among v, others weigh nothing. */
struct Step {
    const Models& models;
    int32_t verification;
    int g;
    adaspec_draw warp;
    bool one_hot;
    Judge judge;
    int64_t v;
    int64_t apart;
};

/* The texts of g + 1 ids with their probabilities, and the mean number of tokens that stand. */
struct Outcome {
    std::vector<double> texts;
    double accepted = 0;
    double missing = 0; /* volume of what no seed hit */
};

typedef std::vector<int32_t> Ids;

/* Adds a text's probability; what comes after it has the target's law. */
inline void add_texts(const Step& step, std::vector<double>& texts, Ids& ids, double probability) {
    if ((int)ids.size() == step.g + 1) {
        size_t number = 0;
        for (int32_t id : ids) {
            number = number * (size_t)step.models.vocabulary + (size_t)id;
        }
        texts[number] += probability;
        return;
    }
    const std::vector<float> x = step.models.target(ids);
    const std::vector<double> p = law(x.data(), (int64_t)x.size(), step.warp);
    for (int32_t j = 0; j < step.models.vocabulary; j++) {
        ids.push_back(j);
        add_texts(step, texts, ids, probability * p[(size_t)j]);
        ids.pop_back();
    }
}

/* A draft, how likely it is, and what is decided about it. */
struct Case {
    Ids tokens;
    double probability;
    Decision decision;
};

/* A place among the uniform numbers of a case: what the rule emits there is the same throughout. */
struct Cell {
    size_t of;
    double volume;
    std::vector<uint64_t> seeds;
};

inline std::vector<Case> cases_of(const Step& step) {
    const int n = step.models.vocabulary;
    std::vector<Case> cases;
    int64_t drafts = 1;
    for (int i = 0; i < step.g; i++) {
        drafts *= n;
    }
    for (int64_t d = 0; d < drafts; d++) {
        Ids tokens, before;
        int64_t rest = d;
        for (int i = 0; i < step.g; i++, rest /= n) {
            tokens.push_back((int32_t)(rest % n));
        }
        double probability = 1;
        std::vector<std::vector<double>> p, known;
        for (int i = 0; i <= step.g; i++) {
            const std::vector<float> x = step.models.target(before);
            p.push_back(law(x.data(), n, step.warp));
            if (i < step.g) {
                const std::vector<float> y = step.models.draft(before);
                const std::vector<double> q = law(y.data(), n, step.warp);
                probability *= q[(size_t)tokens[(size_t)i]];
                std::vector<double> hot((size_t)n);
                hot[(size_t)tokens[(size_t)i]] = 1;
                known.push_back(step.one_hot ? hot : step.judge.fault == Fault::WRONG_Q ? std::vector<double>((size_t)n, 1.0 / n) : q);
                before.push_back(tokens[(size_t)i]);
            }
        }
        if (probability > 0) {
            cases.push_back({tokens, probability, Decision(step.verification, p, known, tokens.data())});
        }
    }
    return cases;
}

/* The cells of all cases with `each` seeds whose numbers lie in them, 10^-4 from any edge. Pattern and next token number a case's cells. */
inline std::vector<Cell> cells_of(const Step& step, const std::vector<Case>& cases, size_t each) {
    const int n = step.models.vocabulary;
    const int patterns = 1 << step.g;
    std::vector<Cell> cells;
    for (size_t c = 0; c < cases.size(); c++) {
        const Decision& decision = cases[c].decision;
        for (int pattern = 0; pattern < patterns; pattern++) {
            std::vector<double> u;
            double volume = 1;
            for (int i = 0; i < step.g; i++) {
                const double bound = decision.bound[(size_t)i];
                u.push_back((pattern >> i & 1) != 0 ? bound / 2 : bound);
                volume *= (pattern >> i & 1) != 0 ? bound : 1 - bound;
            }
            const std::vector<double> left = decision.left((size_t)decision.accepted(u.data()));
            double total = 0;
            for (double w : left) {
                total += w;
            }
            for (int j = 0; j < n; j++) {
                cells.push_back({c, volume * left[(size_t)j] / total, {}});
            }
        }
    }
    for (uint64_t seed = 0; seed < 3000; seed++) {
        adaspec_draw draw = step.warp;
        draw.seed = seed;
        std::vector<double> u, next;
        for (int i = 0; i <= step.g; i++) {
            u.push_back(uniform(draw, ADASPEC_PURPOSE_ACCEPT, i));
            next.push_back(uniform(seed, draw.sequence, draw.position + i, ADASPEC_PURPOSE_NEXT));
        }
        for (size_t c = 0; c < cases.size(); c++) {
            const Decision& decision = cases[c].decision;
            int pattern = 0;
            bool edge = false;
            for (int i = 0; i < step.g; i++) {
                const double bound = decision.bound[(size_t)i];
                pattern |= u[(size_t)i] < bound ? 1 << i : 0;
                edge = edge || (fabs(u[(size_t)i] - bound) < 1e-4 && bound > 0 && bound < 1);
            }
            const size_t accepted = (size_t)decision.accepted(u.data());
            const std::vector<double> left = decision.left(accepted);
            const int32_t id = Judge::pick(left, next[accepted]);
            edge = edge || !picks(left, next[accepted] - 1e-4, id, 0) || !picks(left, next[accepted] + 1e-4, id, 0);
            Cell& cell = cells[(c * (size_t)patterns + (size_t)pattern) * (size_t)n + (size_t)id];
            if (!edge && cell.seeds.size() < each) {
                cell.seeds.push_back(seed);
            }
        }
    }
    return cells;
}

/* What the judge says at every seed of every cell, as (accepted, next), in order. */
inline std::vector<std::pair<int32_t, int32_t>> judged(const Step& step, const std::vector<Case>& cases, const std::vector<Cell>& cells) {
    const int n = step.models.vocabulary;
    const int64_t g = step.g;
    int64_t b = 0;
    for (const Cell& cell : cells) {
        b += (int64_t)cell.seeds.size();
    }
    const auto filled = [&](Logits& logits, int64_t row, const std::vector<float>& x) {
        for (int j = 0; j < n; j++) {
            logits.set(row * logits.ld + j * step.apart, x[(size_t)j]);
        }
    };
    const auto nothing = [](int64_t) { return -INFINITY; };
    Logits target(ADASPEC_F32, (int64_t)cases.size() * (g + 1), step.v, true, nothing);
    Logits draft(ADASPEC_F32, step.one_hot ? 0 : b * g, step.v, true, nothing);
    Ints tokens(b * g), lengths(b), first_rows(b), accepted(b), next(b);
    Draws draws(b);
    for (size_t c = 0; c < cases.size(); c++) {
        for (int64_t i = 0; i <= g; i++) {
            filled(target, (int64_t)c * (g + 1) + i, step.models.target(Ids(cases[c].tokens.begin(), cases[c].tokens.begin() + i)));
        }
    }
    std::vector<std::pair<int32_t, int32_t>> verdicts;
    int64_t s = 0;
    for (const Cell& cell : cells) {
        for (uint64_t seed : cell.seeds) {
            draws[s] = step.warp;
            draws[s].seed = seed;
            lengths[s] = (int32_t)g;
            first_rows[s] = (int32_t)(cell.of * (size_t)(g + 1));
            for (int64_t i = 0; i < g; i++) {
                const Ids& ids = cases[cell.of].tokens;
                tokens[s * g + i] = (int32_t)(ids[(size_t)i] * step.apart);
                if (!step.one_hot) {
                    const bool wrong = step.judge.fault == Fault::WRONG_Q;
                    filled(draft, s * g + i, wrong ? std::vector<float>((size_t)n) : step.models.draft(Ids(ids.begin(), ids.begin() + i)));
                }
            }
            if (!step.judge.library) {
                step.judge(cases[cell.of].decision, draws[s], accepted[s], next[s]);
                next[s] *= (int32_t)step.apart;
            }
            s++;
        }
    }
    if (step.judge.library) {
        CHECK_OK(adaspec_verify(accepted, next, nullptr, target.data(), ADASPEC_F32, target.ld, first_rows,
            step.one_hot ? nullptr : draft.data(), draft.ld, tokens, lengths, draws, step.verification, step.one_hot, b, g, step.v, nullptr));
    }
    for (s = 0; s < b; s++) {
        const int32_t id = (int32_t)(next[s] / step.apart);
        const bool possible = next[s] >= 0 && next[s] % step.apart == 0 && id < n && accepted[s] >= 0 && accepted[s] <= g;
        CHECK(possible, "%d and %d", accepted[s], next[s]);
        verdicts.push_back(possible ? std::make_pair((int32_t)accepted[s], id) : std::make_pair(0, 0));
    }
    return verdicts;
}

inline Outcome enumerate(const Step& step, size_t each) {
    const std::vector<Case> cases = cases_of(step);
    const std::vector<Cell> cells = cells_of(step, cases, each);
    const std::vector<std::pair<int32_t, int32_t>> verdicts = judged(step, cases, cells);
    Outcome outcome;
    size_t number = 1;
    for (int i = 0; i <= step.g; i++) {
        number *= (size_t)step.models.vocabulary;
    }
    outcome.texts.resize(number);
    size_t s = 0;
    for (const Cell& cell : cells) {
        const double probability = cases[cell.of].probability * cell.volume;
        outcome.missing += cell.seeds.empty() ? probability : 0;
        for (size_t i = 0; i < cell.seeds.size(); i++, s++) {
            const double share = probability / (double)cell.seeds.size();
            const Ids& tokens = cases[cell.of].tokens;
            Ids ids(tokens.begin(), tokens.begin() + verdicts[s].first);
            ids.push_back(verdicts[s].second);
            outcome.accepted += share * verdicts[s].first;
            add_texts(step, outcome.texts, ids, share);
        }
    }
    return outcome;
}

/* How much more probable than by the target texts are, in sum: 0 where the law is the target's, whatever is missing. */
inline double excess(const Step& step, size_t each) {
    const Outcome outcome = enumerate(step, each);
    std::vector<double> wanted(outcome.texts.size());
    Ids none;
    add_texts(step, wanted, none, 1);
    double sum = 0;
    for (size_t i = 0; i < wanted.size(); i++) {
        sum += fmax(outcome.texts[i] - wanted[i], 0);
    }
    CHECK(outcome.missing < 0.02, "%g of the volume is not looked at", outcome.missing);
    return sum;
}
