"""The C ABI from Python, on PyTorch tensors: cuda/include/adaspec.h is read when the library is loaded, so what changes there changes here.

    ops = abi.Library("libadaspec_cuda.so", "cuda/include/adaspec.h")
    ops.gelu_forward(out=out, x=x, tanh_form=0, n=x.numel())

Arguments go by the header's names; a name that is missing or unknown is an error, and so is a tensor of another type than the header says.
A stream that is not named is PyTorch's current one.
"""

import ctypes
import re

import torch

NUMBERS = {"int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64, "float": ctypes.c_float, "double": ctypes.c_double}
ELEMENTS = {"float": torch.float32, "double": torch.float64, "int32_t": torch.int32, "int64_t": torch.int64}
TYPES = {torch.float32: 0, torch.bfloat16: 1, torch.float16: 2}


class Failed(RuntimeError):
    """What the library says of a call that it refused."""


class Library:
    def __init__(self, path, header):
        with open(header) as file:
            text = re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.DOTALL)
        self.constants = {name: int(value) for name, value in re.findall(r"#define ADASPEC_(\w+) (\d+)\s", text)}
        self.structs = {}
        for fields, name in re.findall(r"typedef struct \w+ \{([^}]*)\} (\w+);", text):
            members = [line.split() for line in fields.split(";") if line.strip()]
            self.structs[name] = type(name, (ctypes.Structure,), {"_fields_": [(member, NUMBERS[kind]) for kind, member in members]})
        self.parameters = {}
        self._functions = {}
        library = ctypes.CDLL(path)
        for result, name, arguments in re.findall(r"ADASPEC_API ([\w* ]+?)\s*\badaspec_(\w+)\(([^)]*)\);", text):
            parameters = [] if arguments.strip() == "void" else [self._parameter(a) for a in arguments.split(",")]
            function = getattr(library, "adaspec_" + name)
            function.restype = ctypes.c_char_p if "*" in result else ctypes.c_int32
            function.argtypes = [NUMBERS.get(kind, ctypes.c_void_p) for kind, _ in parameters]
            self.parameters[name] = parameters
            self._functions[name] = function
        if len(self.parameters) < 20:
            raise ValueError(f"{header} declares {len(self.parameters)} functions")

    @staticmethod
    def _parameter(declaration):
        """("float*", "x") of "const float* x"."""
        kind, name = re.fullmatch(r"\s*(.*?)(\w+)\s*", declaration.replace("const ", ""), flags=re.DOTALL).groups()
        return kind.replace(" ", ""), name

    def __getattr__(self, name):
        if name not in self._functions:
            raise AttributeError(f"the header declares no adaspec_{name}")
        return lambda **arguments: self.bind(name, **arguments)()

    def bind(self, name, **arguments):
        """The call with its arguments converted once, for what is called often; call.change(k=5) sets a number anew. It keeps the tensors alive."""
        function = self._functions[name]
        values = []
        for kind, parameter in self.parameters[name]:
            if parameter == "stream" and parameter not in arguments:
                values.append(torch.cuda.current_stream().cuda_stream if torch.cuda.is_available() else None)
            elif parameter not in arguments:
                raise TypeError(f"adaspec_{name}: {parameter} is missing")
            else:
                values.append(self._value(name, kind, parameter, arguments.pop(parameter)))
        if arguments:
            raise TypeError(f"adaspec_{name} has no {', '.join(arguments)}")
        converted = [self._converted(v) for v in values]

        def call():
            if function(*converted) != 0:
                raise Failed(self._functions["last_error"]().decode())

        position = {parameter: i for i, (_, parameter) in enumerate(self.parameters[name])}

        def change(**numbers):
            for parameter, number in numbers.items():
                converted[position[parameter]] = number

        call.values, call.change = values, change
        return call

    def _value(self, name, kind, parameter, value):
        if not kind.endswith("*") or value is None:
            return value
        wanted = ELEMENTS.get(kind[:-1])
        if wanted is not None and value.dtype != wanted:
            raise TypeError(f"adaspec_{name}: {parameter} is {value.dtype}; {wanted} was expected")
        return value

    @staticmethod
    def _converted(value):
        if isinstance(value, torch.Tensor):
            return value.data_ptr()
        return ctypes.addressof(value) if isinstance(value, ctypes.Structure) else value

    def backend(self):
        return self._functions["backend"]().decode()

    def draws(self, device, **columns):
        """A tensor of adaspec_draw, one an element of the longest column; single values are for all."""
        count = max(len(c) for c in columns.values() if hasattr(c, "__len__"))
        array = (self.structs["adaspec_draw"] * count)()
        for i in range(count):
            for field, value in columns.items():
                setattr(array[i], field, value[i] if hasattr(value, "__len__") else value)
        return torch.frombuffer(bytearray(array), dtype=torch.uint8).to(device)
