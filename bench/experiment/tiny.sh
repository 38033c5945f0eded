# Settings that prove the command itself, sourced by run.sh --tiny: two tasks of made-up problems, tiny models. What they find means nothing.

TASKS=(gsm8k mbpp)
SEEDS=(0 1)
OTHER_SEEDS=(0)
SWEEP=(0.2)
SWEEP_SEEDS=(0)
LONGER=2
LONGER_ARMS=(equal-steps whole-budget adaspec)
LONGER_SEEDS=(0)
MODELS="Tiny models."
VALIDATION=6
DISTILL=48
TEST=8
VOCABULARY=512
NEW_TOKENS=24
TARGET_STEPS=6 DRAFT_STEPS=3
RATES=(1e-3 3e-3)
SPEED_PROMPTS=2

# The problems and the models' configurations, in the state; leaves data, TARGET_CONFIG and DRAFT_CONFIG.
tiny_files() {
    local part model
    data=$state/tiny-data
    if [ ! -d "$data" ]; then
        "$java25" -cp "$jar" adaspec.text.problems.Generate --seed 1 --train 120 --validation 1 --test 12 --output "$data.partial/gsm8k"
        # The same problems as another format, so that there is a second task.
        mkdir -p "$data.partial/mbpp"
        for part in train test; do
            head -n 60 "$data.partial/gsm8k/$part.jsonl" |
                sed 's/"question":"/"text":"Again: /; s/"answer"/"code"/' > "$data.partial/mbpp/$part.jsonl"
        done
        mv "$data.partial" "$data"
    fi
    for model in target draft; do
        sed 's/"hidden_size": [0-9]*/"hidden_size": 32/; s/"num_attention_heads": [0-9]*/"num_attention_heads": 2/
             s/"num_hidden_layers": [0-9]*/"num_hidden_layers": 1/; s/"intermediate_size": [0-9]*/"intermediate_size": 64/
             s/"vocab_size": [0-9]*/"vocab_size": 512/' "$here/$model.config.json" > "$state/$model.config.json"
    done
    TARGET_CONFIG=$state/target.config.json DRAFT_CONFIG=$state/draft.config.json
}
