package adaspec.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.Json;
import org.junit.jupiter.api.Test;

class AcceptanceStatsTest {
    /** Four steps of at most 3 drafted tokens, counted by hand: 3 of 3, 1 of 3, 0 of 3, 2 of 2. */
    private static AcceptanceStats byHand() {
        AcceptanceStats stats = new AcceptanceStats(3);
        stats.record(3, 3);
        stats.record(3, 1);
        stats.record(3, 0);
        stats.record(2, 2);
        return stats;
    }

    @Test
    void countsEqualThoseByHand() {
        AcceptanceStats stats = byHand();
        assertEquals(4, stats.steps());
        assertEquals(11, stats.draftTokens());
        assertEquals(6, stats.acceptedTokens());
        assertEquals(2, stats.rejections());
        assertArrayEquals(new long[] {1, 1, 1, 1}, stats.histogram());
        // 6 accepted and 2 rejected were judged; the 3 drafted tokens behind a rejection were not.
        assertEquals(6.0 / 8, stats.alpha());
        assertEquals(6.0 / 11, stats.draftAcceptanceRate());
        assertEquals(1 + 6.0 / 4, stats.meanAcceptanceLength());
        assertArrayEquals(new double[] {3.0 / 4, 2.0 / 4, 1.0 / 4}, stats.acceptanceRatePerPosition());
        // Token 2 was reached once: the second step rejected its token 1 and the fourth drafted only two.
        assertArrayEquals(new double[] {3.0 / 4, 2.0 / 3, 1.0}, stats.conditionalAcceptanceRatePerPosition());
    }

    @Test
    void countsAdd() {
        AcceptanceStats sum = byHand();
        sum.add(byHand());
        assertEquals(8, sum.steps());
        assertEquals(22, sum.draftTokens());
        assertEquals(4, sum.rejections());
        assertEquals(6.0 / 8, sum.alpha());
        assertArrayEquals(new double[] {3.0 / 4, 2.0 / 3, 1.0}, sum.conditionalAcceptanceRatePerPosition());
        assertThrows(IllegalArgumentException.class, () -> sum.add(new AcceptanceStats(2)));
    }

    @Test
    void countersHaveTheirNames() {
        var node = Json.MAPPER.createObjectNode();
        byHand().putCounters(node);
        assertEquals(
                "{\"acceptance_histogram\":[1,1,1,1],\"num_spec_steps\":4,\"num_draft_tokens\":11,\"num_accepted_draft_tokens\":6}", node.toString());
    }

    @Test
    void withoutAStepThereIsNoRate() {
        AcceptanceStats none = new AcceptanceStats(2);
        assertTrue(Double.isNaN(none.alpha()));
        assertTrue(Double.isNaN(none.meanAcceptanceLength()));
        assertTrue(Double.isNaN(none.conditionalAcceptanceRatePerPosition()[1]));
    }

    @Test
    void impossibleCountsAreRefused() {
        AcceptanceStats stats = new AcceptanceStats(3);
        assertThrows(IllegalArgumentException.class, () -> stats.record(0, 0));
        assertThrows(IllegalArgumentException.class, () -> stats.record(4, 1));
        assertThrows(IllegalArgumentException.class, () -> stats.record(2, 3));
    }
}
