"""AdaSPEC's selective loss on one batch: as published, and written well.

The loss is the sum over the kept answer tokens of KL(target || draft) divided by all answer tokens; a token is kept if its KL(target || draft)
- KL(target || reference) is at least torch.quantile of them at 1 - k.
"""

import torch
import torch.nn.functional as F

IGNORED = -100


def published(draft, target, reference, batch, k):
    """The published loss, operation by operation (yuezhouhu/adaspec, compute_loss of the trainer): every model is called with the labels, so
    transformers' own cross entropy is computed three times and thrown away; rows are picked by masked_select from whole logits; softmax,
    log_softmax and an unreduced KLDivLoss make matrices of all rows. What it keeps alive is kept alive here.
    """
    labels = batch["labels"][:, 1:]
    outputs = [draft(**batch)]
    with torch.no_grad():
        outputs += [frozen(**batch, use_cache=False) for frozen in (target, reference)]
    logits = [output["logits"] for output in outputs]
    divergence = torch.nn.KLDivLoss(reduction="none")

    rows = [matrix[..., :-1, :].contiguous() for matrix in logits]
    rows = [matrix.view(-1, matrix.shape[-1]) for matrix in rows]
    answers = labels.ne(IGNORED).flatten().unsqueeze(-1)
    for i in range(3):
        rows[i] = torch.masked_select(rows[i], mask=answers).view(-1, rows[i].shape[-1])
    for i in range(3):
        rows[i] = rows[i].float()

    p = F.softmax(rows[1], dim=-1)
    log_q = F.log_softmax(rows[0], dim=-1)
    kl_draft = divergence(log_q, p)
    log_q = F.log_softmax(rows[2], dim=-1)
    kl_reference = divergence(log_q, p)
    kl_draft = kl_draft.sum(dim=-1)
    kl_reference = kl_reference.sum(dim=-1)

    gap = kl_draft - kl_reference
    kept = gap >= torch.quantile(gap, 1 - k, dim=0, keepdim=True)
    # The Trainer hands in the number of answer tokens of the batch.
    return torch.masked_select(kl_draft, mask=kept).sum() / answers.sum()


class Gathered:
    """The same loss written well: the answer rows alone reach a head, KL in terms of log-sum-exp, and only kept rows pass the loss with a gradient.

    With ``compiled`` its pieces run under torch.compile; what is between them, the choice of rows, depends on data.
    """

    def __init__(self, draft, target, reference, k, compiled):
        wrap = torch.compile if compiled else lambda function, **_: function
        self.k = k
        self.models = (draft, target, reference)
        # One compiled function for each model; the frozen ones do not build a graph for a backward.
        self.bodies = [wrap(self._body(m), dynamic=False) for m in self.models]
        self.gap = wrap(self._gap, dynamic=False)
        self.kept_loss = wrap(self._kept_loss, dynamic=False)
        # Inference mode does not mix with compiled functions whose results meet autograd.
        self.frozen_mode = torch.no_grad if compiled else torch.inference_mode

    @staticmethod
    def _body(model):
        def hidden(ids, rows):
            return model.gpt_neox(input_ids=ids, use_cache=False).last_hidden_state.flatten(0, 1)[rows]
        return hidden

    def _gap(self, draft_hidden, target_hidden, reference_hidden):
        """(n): KL(p || q) - KL(p || r) = sum p (r - q) + lse(q) - lse(r)."""
        draft, target, reference = (m.lm_head(h).float() for m, h in zip(self.models, (draft_hidden, target_hidden, reference_hidden)))
        lse = torch.logsumexp(draft, -1) - torch.logsumexp(reference, -1)
        return (F.softmax(target, -1) * (reference - draft)).sum(-1) + lse

    def _kept_loss(self, draft_hidden, target_hidden, kept):
        """Sum of KL(p || q) = sum p (t - q) + lse(q) - lse(t) over the kept rows."""
        with torch.no_grad():
            target = self.models[1].lm_head(target_hidden[kept]).float()
            target_lse = torch.logsumexp(target, -1)
            p = torch.exp(target - target_lse.unsqueeze(-1))
        draft = self.models[0].lm_head(draft_hidden[kept]).float()
        return ((p * (target - draft)).sum(-1) + torch.logsumexp(draft, -1) - target_lse).sum()

    def __call__(self, batch):
        ids = batch["input_ids"]
        rows = batch["labels"][:, 1:].ne(IGNORED)
        rows = F.pad(rows, (0, 1)).flatten().nonzero().squeeze(-1)
        with self.frozen_mode():
            target_hidden = self.bodies[1](ids, rows)
            reference_hidden = self.bodies[2](ids, rows)
        draft_hidden = self.bodies[0](ids, rows)
        with self.frozen_mode():
            gap = self.gap(draft_hidden.detach(), target_hidden, reference_hidden)
            kept = (gap >= torch.quantile(gap, 1 - self.k)).nonzero().squeeze(-1)
        return self.kept_loss(draft_hidden, target_hidden.clone(), kept.clone()) / rows.numel()
