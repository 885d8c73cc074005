"""A composite action, read and run as GitHub's runner does it.

Known of the runner's expressions are those that cannot go wrong: an input, the
job's status, a step's output, each alone and always a string. Whatever else an
action says between ${{ and }} is refused here, so that no value of an input can
make it an invalid template.

    runner.py FOLDER JOB_STATUS [INPUT=VALUE...]

runs the action of that folder in this environment, which has to have RUNNER_TEMP;
its outputs go to the file ACTION_OUTPUTS, its exit code is the step's.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile

import yaml

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.S)
KNOWN = re.compile(r"(inputs)\.(\w+)|(job)\.(status)|(steps)\.(\w+)\.outputs\.(\w+)")


class Action:
    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "action.yml"), encoding="utf-8") as f:
            self.spec = yaml.safe_load(f)
        self.inputs = self.spec.get("inputs", {})
        self.outputs = self.spec.get("outputs", {})
        self.steps = self.spec["runs"]["steps"]


class Result:
    """What a run of an action leaves: exit code, text, outputs, summary, commands."""


def evaluate(text, given, job_status="", steps=None):
    """text with its expressions replaced, as strings: the only type that is here."""

    def value(match):
        known = KNOWN.fullmatch(match.group(1).strip())
        if not known:
            raise ValueError(f"an expression that could be invalid: {match.group(0)}")
        if known.group(1):
            return given[known.group(2)]
        if known.group(3):
            return job_status
        return (steps or {}).get(known.group(6), {}).get(known.group(7), "")

    return EXPRESSION.sub(value, str(text))


def with_defaults(action, given):
    """A default is for a key that is absent; an empty value stays empty."""
    unknown = set(given) - set(action.inputs)
    if unknown:
        raise ValueError(f"no such input: {unknown}")
    return {name: given.get(name, str(spec.get("default", ""))) for name, spec in action.inputs.items()}


def read_outputs(path):
    """GITHUB_OUTPUT: name=value, or name<<DELIMITER and lines up to DELIMITER."""
    found = {}
    with open(path, encoding="utf-8") as f:
        lines = iter(f.read().splitlines())
    for line in lines:
        heredoc = re.match(r"([^=<]+)<<(.+)", line)
        if heredoc:
            value = []
            for inner in lines:
                if inner == heredoc.group(2):
                    break
                value.append(inner)
            else:
                raise ValueError(f"GITHUB_OUTPUT: {line} has no end")
            found[heredoc.group(1)] = "\n".join(value)
        elif "=" in line:
            name, value = line.split("=", 1)
            found[name] = value
        elif line:
            raise ValueError(f"GITHUB_OUTPUT: a line that the runner refuses: {line}")
    return found


def commands_in(text):
    """The workflow commands in a step's output, as (name, properties, message): a
    line that begins with ::, else one that has ##[ anywhere."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*::([\w-]+)([^:]*)::(.*)", line) or re.search(r"##\[([\w-]+)([^]]*)\](.*)", line)
        if match:
            found.append(match.groups())
    return found


def start_step(step, env, folder, cwd):
    """The step's own process, as `shell: bash` has it."""
    if step["shell"] != "bash":
        raise ValueError("only shell: bash is known here")
    handle, script = tempfile.mkstemp(suffix=".sh", dir=env["RUNNER_TEMP"])
    with os.fdopen(handle, "w", encoding="utf-8") as f:
        f.write(step["run"])
    return subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
        env={**env, "GITHUB_ACTION_PATH": folder},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # What runs the tests in its background ignores SIGINT; GitHub's runner does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def step_environment(action, step, given, env, job_status):
    inputs = with_defaults(action, given)
    return {**env, **{k: evaluate(v, inputs, job_status) for k, v in step.get("env", {}).items()}}


def run(action, given, env, cwd, job_status=""):
    """Runs the action's steps; env is the job's, with PATH and RUNNER_TEMP."""
    result = Result()
    result.text, result.code, steps = "", 0, {}
    summary = os.path.join(env["RUNNER_TEMP"], "summary")
    for number, step in enumerate(action.steps):
        output = os.path.join(env["RUNNER_TEMP"], f"output{number}")
        for path in (output, summary):
            with open(path, "a", encoding="utf-8"):
                pass
        step_env = step_environment(action, step, given, env, job_status)
        step_env.update(GITHUB_OUTPUT=output, GITHUB_STEP_SUMMARY=summary, GITHUB_ACTIONS="true")
        process = start_step(step, step_env, action.folder, cwd)
        result.text += process.communicate(timeout=60)[0]
        result.code = process.returncode
        steps[step["id"]] = read_outputs(output)
        if result.code:
            break
    with open(summary, encoding="utf-8") as f:
        result.summary = f.read()
    result.outputs = {k: evaluate(v["value"], {}, "", steps) for k, v in action.outputs.items()}
    result.commands = commands_in(result.text)
    return result


def main():
    folder, job_status, *words = sys.argv[1:]
    given = dict(word.split("=", 1) for word in words)
    result = run(Action(os.path.abspath(folder)), given, dict(os.environ), os.getcwd(), job_status)
    print(result.text, end="")
    with open(os.environ["ACTION_OUTPUTS"], "w", encoding="utf-8") as f:
        f.writelines(f"{name}={value}\n" for name, value in result.outputs.items())
    return result.code


if __name__ == "__main__":
    sys.exit(main())
