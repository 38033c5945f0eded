# The experiment's settings, sourced by run.sh.

read -ra TASKS <<< "${TASKS:-gsm8k mbpp summarization alpaca}"
read -ra SEEDS <<< "${SEEDS:-0 1 2 3 4}"           # of gsm8k
read -ra OTHER_SEEDS <<< "${OTHER_SEEDS:-0 1}"     # of the other tasks
ARMS=(equal-steps equal-tokens whole-budget adaspec no-compensation random bottom lk adaspec-lk)
SWEEP=(0.1 0.2 0.6 0.8)                            # shares k on gsm8k, beside 0.4 (adaspec) and 1 (equal-tokens)
SWEEP_SEEDS=(0 1)
LONGER=6                                           # times the epochs of these arms on gsm8k, as ARM-x6, nearer to convergence
LONGER_ARMS=(equal-steps equal-tokens whole-budget adaspec random)
LONGER_SEEDS=(0 1)

# Data: samples at most.
VALIDATION=100
DISTILL=1500
TEST=200

MODELS="A target of 9.9 million parameters, drafts of 0.42 million."
TARGET_CONFIG=$here/target.config.json
DRAFT_CONFIG=$here/draft.config.json
VOCABULARY=2048
POSITIONS=1024
NEW_TOKENS=128

# Training. Pretraining takes a part of all texts, in batches of 16; the part is a sample of them.
TARGET_STEPS=300 TARGET_RATE=1.5e-3
DRAFT_STEPS=300 DRAFT_RATE=3e-3
FINE_TUNING_RATE=1e-3
declare -A TARGET_EPOCHS=([gsm8k]=0.75 [mbpp]=4 [summarization]=2 [alpaca]=1 [instruct]=0.5)
declare -A EPOCHS=([gsm8k]=1 [mbpp]=3 [summarization]=1 [alpaca]=1 [instruct]=1) # E of the distillation
RATES=(8e-4 2e-3 5e-3)                             # the grid, the same for every arm
SPEED_PROMPTS=20

# The above in words, for the page of results.
settings() {
    local task target= epochs=
    for task in "${TASKS[@]}"; do
        target+=" $task ${TARGET_EPOCHS[$task]}," epochs+=" $task ${EPOCHS[$task]},"
    done
    cat << EOF
- $MODELS Tokenizer of $VOCABULARY entries; texts of up to $POSITIONS tokens; continuations of up to $NEW_TOKENS.
- Target: $TARGET_STEPS pretraining steps of 16 texts, a sample of the texts counted below as pretrain; then fine-tuned, in epochs:${target%,}. Draft:
  $DRAFT_STEPS pretraining steps of 16 texts of the same.
- Distillation: B = 16, k = 0.4, at most $DISTILL samples; E, in epochs:${epochs%,}; AdamW, weight decay 0.1, constant rate, no warm-up, clipped to
  norm 1, f32.
- On gsm8k also with $LONGER E in the place of E, for ${LONGER_ARMS[*]}, seeds ${LONGER_SEEDS[*]}.
- A seed is a draft (initial weights, order of pretraining) and the order of the distillation's samples; the arms of a seed share both. One target
  a task.
- equal-steps, equal-tokens and whole-budget share a learning rate, and so do the arms with a selection and kl_div; lk and adaspec-lk have their own.
  All are chosen on gsm8k and used for the other tasks.
EOF
}

# For --plan: tokens a second of both cores of an AMD EPYC without AVX-512 (oneDNN: 150 Gop/s of f32), measured in short runs.
CHARACTERS_PER_TOKEN=2.75
TOKENS_PER_STEP=4600
TARGET_TRAINS=2000
TARGET_READS=3000
TARGET_WRITES=350
DRAFT_TRAINS=20000
DISTILLS=11000
