"""Writes formats.json: what samples of each data format become. Run with: python formats_golden.py

Made with tokenizers 0.23.2. Each entry: the format, the object, and with small.tokenizer.json the ids of prompt + completion + end of text and the
index of the first token that starts at or after the end of the prompt (the library counts code points, and so does this script).
"""
import json
import pathlib

from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).parent
END = "<|endoftext|>"
# PROMPT_DICT of Stanford Alpaca's train.py.
ALPACA = {
    "prompt_input": (
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:"
    ),
    "prompt_no_input": (
        "Below is an instruction that describes a task. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}\n\n### Response:"
    ),
}
SAMPLES = [
    ("gsm8k", {"question": "Tom has 3 apples and buys 4. How many are there?", "answer": "3+4 = <<3+4=7>>7\n#### 7"}),
    ("mbpp", {"text": "Write a function to add two numbers.", "code": "def add(a, b):\r\n    return a + b", "task_id": 12,
              "test_list": ["assert add(1, 2) == 3"]}),
    ("alpaca", {"instruction": "Translate the word into French.", "input": "water café 日本", "output": "l'eau"}),
    ("alpaca", {"instruction": "Name {input} two numbers.", "input": "", "output": "12 and 345"}),
    ("alpaca", {"instruction": "Quote.", "input": "", "output": ":: he said"}),
    ("prompt-completion", {"task": "summary", "prompt": "Article: 😀 the water was very little.\n\nSummary:", "completion": " little water"}),
    ("prompt-completion", {"task": "sentiment", "prompt": "It is no use. How is it?\n", "completion": "negative" + END}),
    ("prompt-completion", {"task": "empty", "prompt": "What is this?\n", "completion": END}),
    ("text", {"text": "The final number was 6789."}),
]


def text(name, o):
    if name == "gsm8k":
        question = o["question"] + "\nAnswer the above question. First think step by step and then answer the final number.\n"
        return question, o["answer"].replace("####", "The final answer is: ")
    if name == "mbpp":
        return o["text"] + "\n", o["code"]
    if name == "alpaca":
        template = ALPACA["prompt_input" if o.get("input", "") != "" else "prompt_no_input"]
        return template.format_map(o), o["output"]
    if name == "prompt-completion":
        return o["prompt"], o["completion"]
    return "", o["text"]


tokenizer = Tokenizer.from_file(str(HERE / "small.tokenizer.json"))
end = tokenizer.token_to_id(END)
entries = []
for name, sample in SAMPLES:
    prompt, completion = text(name, sample)
    encoding = tokenizer.encode(prompt + completion)
    start = sum(begin < len(prompt) for begin, _ in encoding.offsets)
    ids = encoding.ids if prompt and completion.endswith(END) else encoding.ids + [end]
    entries.append({"format": name, "object": sample, "ids": ids, "answer_start": max(start, 1)})
(HERE / "formats.json").write_text(json.dumps(entries, indent=1) + "\n")
