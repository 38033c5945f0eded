"""Writes regex.json: what Oniguruma, as the tokenizers library uses it, makes of regular expressions. Run with: python regex_golden.py

Made with tokenizers 0.23.2 (the file says which version made it).

  expressions  for each expression and text the beginning of a SHA-256 over the matches (start, end, start, ...; UTF-16 units), empty ones left out
  classes      for each class its number of code points and a SHA-256 over them
"""
from tokenizers import Regex, pre_tokenizers

import tokenizers
from tokenizer_golden import CODE_POINTS, LLAMA3, QWEN2, sha, texts, utf16, write

O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
EXPRESSIONS = [
    GPT2, LLAMA3, QWEN2, O200K,
    # DeepSeek's, Falcon's, Bloom's, Kimi's, StarCoder's, Tekken's and others' ways
    r"[\r\n]",
    r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-Ֆ]+", r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$",
    r"[一-龥ࠀ-一가-퟿]+", r"[0-9]", r"[0-9][0-9][0-9]", r"[^(\s|[.,!?…。，、।۔،])]+", r" ?[^(\s|[.,!?…。，、।۔،])]+",
    r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|\s+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?:\r?\n)+(?!\r?\n)", r"(?=(\d{3})+(?!\d))", r"\d{1,3}(?=(?:\d{3})*\b)", r"(?<=[a-z])(?=[A-Z])|(?<=\p{L})(?=\p{N})", r"(?<!\S)\p{L}+",
    r"\w+|[^\w\s]+", r"\b", r"\B", r"\b\w+\b", r"^.*$", r"^", r"$", r"\A\s*", r"\s*\z", r"\n\Z", r".+", r"(?m:.+)", r"(?m).{3}",
    r"a|ab|abc",
    r"abc|ab|a", r"(?:a|ab)(?:c|bcd)?", r"a*", r"a*?", r"a+?b?", r"(?>a+)b", r"a++b", r"a?+a", r"a{2}", r"a{2,}", r"a{,2}b", r"a{2,3}?", r"a{2}?",
    r"a{2}+", r"x{", r"x{a}", r"(?:ab)*", r"(?:ab){2,3}", r"(?:ab|ba)+?b", r"(?:the |and )+", r"(?#nothing)e", r"(?<name>e)\s", r"(e)(\s)",
    r"(?i)The|word", r"(?i:w)ord", r"(?i:[a-z]+)", r"(?i:[^a-z]+)", r"(?i)k", r"a(?i)b|c", r"(?i-i:A)", r"[[:alpha:]]+", r"[[:^alpha:]]+",
    r"[[:digit:][:space:]]+", r"[a-f&&[^cd]]+", r"[^a-z&&b-y]+", r"[]a]+", r"[a\]]+", r"[a-]+", r"[-a]+", r"[\w-]+", r"[\x41-\x5a]+",
    r"[\u0041-\u005a]+", r"\x{1F600}", r"[\x{1F600}-\x{1F64F}]", r"\u0061", r"\t|\v|\f|\a|\e", r"\p{^L}+", r"\P{^L}+", r"\p{Lu}\p{Ll}*",
    r"\p{Cyrillic}+", r"\p{Latin}+", r"\p{hiragana}|\p{Katakana}", r"\h+", r"\H+", r"\S+\s*", r"\D+",
    r"[^\S\r\n]+", r"(?=\s)", r"(?!\s).", r"(?<=e)\s", r"(?<=ab|c)d", r"(?<!a)b", r"\.\.\.|[.!?]", r"\{|\}", r"-|_", r"é|ñ",
    r"(?:\p{L}\p{M}*)+", r"[\p{Emoji}&&[^0-9#*]]", r"\p{Extended_Pictographic}(?:\u200d\p{Extended_Pictographic})*",
    r"(?:(?:a|b)+|c)+d?", r"(?:a+b)+c", r"(?:x+x+)+y", r"\s+(?=\S)", r"(?=(a+))a", r"((a)|(b))+?(?=b)",
]
CLASSES = [r"\d", r"\s", r"\w", r"\h", r"\D", r"\p{L}", r"\p{Lu}", r"\p{Ll}", r"\p{Lt}", r"\p{Lm}", r"\p{Lo}", r"\p{M}", r"\p{Mn}", r"\p{Mc}",
           r"\p{Me}",
           r"\p{N}", r"\p{Nd}", r"\p{Nl}", r"\p{No}", r"\p{P}", r"\p{Pc}", r"\p{Pd}", r"\p{Ps}", r"\p{Pe}", r"\p{Pi}", r"\p{Pf}", r"\p{Po}", r"\p{S}",
           r"\p{Sm}", r"\p{Sc}", r"\p{Sk}", r"\p{So}", r"\p{Z}", r"\p{Zs}", r"\p{Zl}", r"\p{Zp}", r"\p{C}", r"\p{Cc}", r"\p{Cf}", r"\p{Cn}",
           r"\p{Co}",
           r"\p{Letter}", r"\p{Uppercase_Letter}", r"\p{Decimal Number}", r"\p{Alphabetic}", r"\p{Uppercase}", r"\p{Lowercase}", r"\p{White_Space}",
           r"\p{Ideographic}", r"\p{Emoji}", r"\p{Extended_Pictographic}", r"\p{Any}", r"\p{Alpha}", r"\p{Digit}", r"\p{Alnum}", r"\p{Upper}",
           r"\p{Lower}", r"\p{Space}", r"\p{Word}", r"\p{XDigit}", r"\p{ASCII}", r"\p{Cntrl}", r"\p{Blank}", r"[[:alpha:]]", r"[[:digit:]]",
           r"[[:alnum:]]", r"[[:upper:]]", r"[[:lower:]]", r"[[:space:]]", r"[[:word:]]", r"[[:xdigit:]]", r"[[:ascii:]]", r"[[:cntrl:]]",
           r"[[:blank:]]", r"\p{Han}", r"\p{Hiragana}", r"\p{Katakana}", r"\p{Hangul}", r"\p{Latin}", r"\p{Cyrillic}", r"\p{Greek}", r"\p{Arabic}",
           r"\p{Hebrew}", r"\p{Devanagari}", r"\p{Thai}", r"\p{Common}", r"\p{Inherited}", r"\p{Armenian}", r"\p{Bengali}", r"\p{Khmer}",
           r"\p{Tamil}",
           r"\p{Hani}", r"\p{Old_Italic}", r"(?i:[a-z])", r"(?i:[^a-z])", r"(?i:k)", r"(?i:s)", r"(?i:[x-z!])", r".", r"(?m:.)", r"[^\n]"]


def more_texts():
    return texts() + ["aaaa", "aaab", "abababab", "abcd", "ababba", "xxxxxxxxxxxxxxxy", "xxxxxxxxxxxxxxx", "camelCaseWord2Vec HTTPServer",
                       "1234567 12345 1,234 999",
                      "line\nline\n", "\n", "a\n", "\na", "x{ x{a} x{1", "The the THE word WORD Word", "cd abd d bd", "a]b-c_d[e",
                      "don't DON'T I'LL we'Ve x'ſ"]


def main():
    lines = more_texts()
    out = []
    for expression in EXPRESSIONS:
        split = pre_tokenizers.Split(Regex(expression), "removed", invert=True)
        hashes = []
        for text in lines:
            index = utf16(text)
            hashes.append(sha(index[i] for _, span in split.pre_tokenize_str(text) for i in span)[:6] if text else sha([])[:6])
        out.append({"regex": expression, "matches": hashes})
    everything = "".join(map(chr, CODE_POINTS))
    classes = {}
    for name in CLASSES:
        split = pre_tokenizers.Split(Regex(name), "removed", invert=True)
        points = [CODE_POINTS[a] for _, (a, b) in split.pre_tokenize_str(everything) if b == a + 1]
        classes[name] = {"count": len(points), "sha256": sha(points)}
    write("regex.json", {"tokenizers": tokenizers.__version__, "texts": lines, "expressions": out, "classes": classes})


if __name__ == "__main__":
    main()
