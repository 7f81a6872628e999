# Copyright 2026 scpo_ros developers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""
Parameter files, and what ROS 2 makes of them for the node /scpo/adapter.

`TAKEN` are read by :mod:`scpo_ros.config.ros_yaml` with the values and types of ROS 2; `REFUSED`
are refused, each at a line. test/nodes/test_parameter_dialect.py holds both against rclpy.
"""

import math

NAN = math.nan
VALUES = {  # text of the value of a: what it is
    '1': 1, '+1': 1, '-0': 0, '00': 0, '010': 8, '-010': -8, '0x10': 16, '0X1f': 31, '-0x10': -16,
    '08': 8.0, '08.5': 8.5, '1.0': 1.0, '.5': 0.5, '5.': 5.0, '-0.0': -0.0, '1e3': 1000.0,
    '1e-3': 0.001, '1E+3': 1000.0, '1.e3': 1000.0, '0e999': 0.0, '0x1p3': 8.0, '0x1.8': 1.5,
    '.inf': math.inf, '-.Inf': -math.inf, '+.INF': math.inf, '.nan': NAN, '.NaN': NAN,
    'inf': math.inf, '-Infinity': -math.inf, 'nan': NAN, 'NaN': NAN, 'nan(1)': NAN,
    '9223372036854775807': 2**63 - 1, '-9223372036854775808': -2**63,
    'on': True, 'On': True, 'yes': True, 'Y': True, 'y': True, 'true': True, 'TRUE': True,
    'off': False, 'no': False, 'N': False, 'n': False, 'False': False,
    'oN': 'oN', 'tRUE': 'tRUE', '~': '~', 'null': 'null', 'Null': 'Null', '-.nan': '-.nan',
    '1_0': '1_0', '1:30': '1:30', '0b1': '0b1', '0o10': '0o10', '0x': '0x', '1e': '1e',
    '1 2': '1 2', '1#c': '1#c',
    '1d3': '1d3', '1L': '1L', '.e3': '.e3', '.': '.', '+': '+', '<<': '<<', '=': '=',
    '2020-01-01': '2020-01-01', '\u0661': '\u0661', '\xe9 \U0001f600': '\xe9 \U0001f600',
    '"1"': '1', "'on'": 'on', '"~"': '~', '""': '', "''": '', '"a\\n\\u00e9"': 'a\n\xe9',
    '!!str 1': '1', '!!str on': 'on', '!!str ~': '~', '1 # text': 1, '&x 1': 1,
    '|\n     10': '10\n', '|-\n     10': 10, '|2-\n       10': 10, '>-\n     a\n     b': 'a b',
    'a\n     b': 'a b', '[1, 2]': [1, 2], '[1.0, 0.5]': [1.0, 0.5], '[1,]': [1],
    '[true, on]': [True, True], '[a b, "1"]': ['a b', '1'], '\n    - 1\n    - 2': [1, 2],
}
BAD_VALUES = (
    '', '!!str', '[]', '{}', '[1, 0.5]', '[a, 1]', '[true, 1]', '[1, ~]', '[[1]]', '[{b: 1}]',
    '*x', '1e400', '-1e400', '1e-400', '4.9e-324', '0x1p2000', '9223372036854775808',
    '-9223372036854775809', '"a\\0b"', '"\\ud800"', '!!int "1"', '!!float 1', '!!bool "yes"',
    '!!null ""', '!!binary aGk=', '!!set {b}', '! 1', '!own 1', '!!python/object:os.system x',
    '@x', 'a: b', '- 1', '{b: }', '{b: 1, b: 2}')
BODY = '  ros__parameters: '
DOCUMENTS = {
    '': {}, '# nothing': {}, '{}': {}, '/**:\n' + BODY + '{}': {},
    '---\n/**:\n' + BODY + '{a: 1}\n...\n': {'a': 1},
    '%YAML 1.1\n---\n/**:\n' + BODY + '{a: 1}\n': {'a': 1},
    '\ufeff/**:\n' + BODY + '{a: 1}': {'a': 1},
    '/**:\r\n' + BODY + '\r\n    a: 1\r\n    b: x\r\n': {'a': 1, 'b': 'x'},
    '/**:\n' + BODY + '{a: {b: 1, c: {d: 2}}, e.f: 3}': {'a.b': 1, 'a.c.d': 2, 'e.f': 3},
    '/**:\n' + BODY + '{1: 2, true: 3, ~: 4, <<: {a: 5}}': {'1': 2, 'true': 3, '~': 4, '<<.a': 5},
    '/**:\n' + BODY + '{a: 1}\n/scpo/adapter:\n' + BODY + '{a: 2}': {'a': 2},
    '/scpo/adapter:\n' + BODY + '{a: 2}\n/**:\n' + BODY + '{a: 1}': {'a': 1},
    '/**/adapter:\n' + BODY + '{a: x}\n/**:\n' + BODY + '{a: 1, b: 2}': {'a': 1, 'b': 2},
    'scpo:\n  adapter:\n  ' + BODY + '{a: 1}': {'a': 1},
    '/**:\n  adapter:\n  ' + BODY + '{a: 1}\n  plant:\n  ' + BODY + '{a: 2}': {'a': 1},
    **{f'{name}:\n{BODY}{{a: 1}}': {'a': 1} for name in (
        '"**"', '/**/adapter', '"**/adapter"', 'scpo/adapter', '/scpo/adapter', '/*/adapter',
        '/*/*', '/**/*', '/scpo/*', '/scpo/**', '/**/scpo/adapter', '/scpo/**/adapter')},
    **{f'{name}:\n{BODY}{{a: 1}}': {} for name in (
        '/*', '"*"', '/*/*/*', '/b/adapter', '/a/**/adapter', 'robot', '/**/robot', '/*/plant')},
}
BAD_DOCUMENTS = (
    'abc', '3', '- 1', '[1]', '/**:', '/**: 3', '/**: {}', '/**: {ros__parameters: {a: 1',
    'ros__parameters: {a: 1}', '/**:\n' + BODY, '/**:\n' + BODY + '~', '/**:\n' + BODY + '[1]',
    '/**:\n' + BODY + '{a: 1}\n  more: 1', '/**:\n  ros__parameter: {a: 1}',
    '/**:\n' + BODY + '{a: 1}\n/**:\n' + BODY + '{b: 2}',
    '/**:\n' + BODY + '{a: 1}\n' + BODY + '{a: 2}',
    '/**/adapter:\n' + BODY + '{a: 1}\n/**:\n  adapter:\n  ' + BODY + '{b: 2}',
    '/**:\n' + BODY + '{a: 1, a: 2}', '/**:\n' + BODY + '{a: 1, a: x}',
    '/**:\n' + BODY + '{a: {b: 1}, a.b: 2}', '/**:\n' + BODY + '{a: 1, a: {b: 2}}',
    '/**:\n' + BODY + '{a: {b: 1}, a: {c: 2}}',
    '/**:\n' + BODY + '&x {a: 2}\n/**/plant:\n' + BODY + '*x', '/**:\n' + BODY + '!own {a: 2}',
    '---\n/**:\n' + BODY + '{a: 1}\n---\n/**:\n' + BODY + '{b: 1}',
    '%YAML 1.2\n---\n/**:\n' + BODY + '{a: 1}', '/**:\n\tros__parameters: {a: 1}',
    '/**:\n' + BODY + '\n    "": 2', '/**:\n' + BODY + '\n    [a]: 2',
    '**/adapter:\n' + BODY + '{}', '/scpo/adapter/:\n' + BODY + '{a: 1}',
    '//adapter:\n' + BODY + '{a: 1}', '/:\n' + BODY + '{a: 1}',
    '/a b:\n' + BODY + '{a: 1}', '/**/adapt*:\n' + BODY + '{a: 1}', '"":\n' + BODY + '{a: 1}',
    '/**:\n' + BODY + '{a: \x07}', '/**:\n' + BODY + '{a: \x00}',
    '/scpo:\n  /adapter:\n  ' + BODY + '{a: 1}')


def one_value(text):
    """Return a parameter file with one parameter, a."""
    return f'/**:\n{BODY}\n    a: {text}\n'


TAKEN = {**{one_value(text): {'a': item} for text, item in VALUES.items()}, **DOCUMENTS}
REFUSED = (*map(one_value, BAD_VALUES), *BAD_DOCUMENTS)
EVERY_TEXT = {  # values that a writer has to quote, escape or spell out
    'a': '1e3', 'b': 'on', 'c': '~', 'd': '', 'e': 'a\nb\t"x" \'y\' \\ \xe9 \U0001f600 \x7f\x85',
    'f': 1e-5, 'g': 1e17, 'h': -0.0, 'i': True, 'j': [1, 2], 'k': ['1', 'x'], 'l': [1.0, 1e-9],
    'm': 'x ' * 300, 'n': 2**63 - 1, 'o': math.inf, 'p': ' lead', 'q': '# c', 'r.s': '010',
    'y': '*y'}


def shape(values):
    """Return {name: what distinguishes values}: type, digits, sign of zero, NaN."""
    return {name: repr(item) for name, item in values.items()}
