#!/usr/bin/env python3
"""The composite actions, run as GitHub's runner runs them.

    tests/actions/test_actions.py [SIGRELAY [CLASS.test_NAME...]]

A stand-in notes how sigrelay is called; with SIGRELAY, a program, some paths are
gone for real. Ends with `N passed, N failed`.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import runner  # noqa: E402

NAMES = ("preflight", "sign", "cleanup")
SIGRELAY = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 and os.access(sys.argv[1], os.X_OK) else None
DIGEST = "sha256:" + "0123456789abcdef" * 4
IMAGE = f"registry.example/app@{DIGEST}"
OTHER = f"registry.example/app2@{DIGEST}"

HOSTILE = (
    "$(touch owned)",
    "`touch owned`",
    "a;touch owned",
    "a\n::error::owned",
    "::error::owned",
    "\r\n::set-output name=signed::true",
    "##[error]owned",
    "%0A::error::owned",
    "--config=/etc/shadow",
    "-x",
    "'\"'; touch owned; '",
    "*",
    "~",
    "${IFS}",
    "a b",
    "true\x01",
)


def action(name):
    return runner.Action(os.path.join(ROOT, "actions", name))


class Place(unittest.TestCase):
    """A job's folder and environment, with the stand-in first on PATH."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.cwd = self.path("work")
        for name in ("bin", "work", "temp"):
            os.mkdir(self.path(name))
        self.program = self.path("bin/sigrelay")
        shutil.copy(os.path.join(HERE, "fake_sigrelay.py"), self.program)
        self.env = {
            "PATH": self.path("bin") + ":/usr/bin:/bin",
            "HOME": self.folder,
            "RUNNER_TEMP": self.path("temp"),
            "FAKE_FOLDER": self.folder,
        }
        self.ledger = self.path("temp/sigrelay-ledger.jsonl")

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_action(self, name, given, job_status="", **env):
        return runner.run(action(name), given, {**self.env, **env}, self.cwd, job_status)

    def calls(self):
        try:
            with open(self.path("calls"), encoding="utf-8") as f:
                return [json.loads(line) for line in f]
        except FileNotFoundError:
            return []

    def argvs(self):
        return [call["argv"] for call in self.calls()]

    def refused(self, result, name):
        """The step failed as wrong usage does, named the input, and called nobody."""
        self.assertEqual(64, result.code, result.text)
        self.assertEqual([], self.calls())
        self.assertEqual(["error"], [c[0] for c in result.commands], result.text)
        self.assertIn(f"input {name}: ", result.commands[0][2])
        self.assertIn(": expected ", result.commands[0][2])

    def unharmed(self):
        self.assertEqual([], os.listdir(self.cwd))


class TestPreflight(Place):
    def test_empty_is_unset(self):
        given = {name: "" for name in action("preflight").inputs}
        result = self.run_action("preflight", {**given, "images": "a:1"})
        self.assertEqual(0, result.code, result.text)
        self.assertEqual([["preflight", f"--ledger={self.ledger}", "a:1"]], self.argvs())
        self.assertEqual(self.ledger, result.outputs["ledger"])
        self.assertEqual("", result.outputs["decision"])

    def test_absent_is_empty(self):
        self.run_action("preflight", {"images": "a:1"})
        self.assertEqual([["preflight", f"--ledger={self.ledger}", "a:1"]], self.argvs())

    def test_everything(self):
        given = {
            "images": "a:1, b:2\r\n\n  c:3 ,,\n",
            "on_existing_tag": " skip\n",
            "on_unknown": "fail",
            "ledger": "led ger",
            "insecure_registry": "r:1,\ns:2",
        }
        self.assertEqual(0, self.run_action("preflight", given).code)
        wanted = ["preflight", "--ledger=led ger", "--on-existing-tag=skip", "--on-unknown=fail"]
        wanted += ["--insecure-registry=r:1", "--insecure-registry=s:2", "a:1", "b:2", "c:3"]
        self.assertEqual([wanted], self.argvs())

    def test_every_word(self):
        for name, words in (("on_existing_tag", "fail skip warn"), ("on_unknown", "warn fail")):
            for word in words.split():
                result = self.run_action("preflight", {"images": "a:1", name: word})
                self.assertEqual(0, result.code, result.text)
                self.assertIn(f"--{name.replace('_', '-')}={word}", self.argvs()[-1])

    def test_unknown_words(self):
        for name in ("on_existing_tag", "on_unknown"):
            for word in ("ignore", "Fail", "true", "fail skip", *HOSTILE):
                self.refused(self.run_action("preflight", {"images": "a:1", name: word}), name)
        self.unharmed()

    def test_what_is_shown_of_a_value(self):
        result = self.run_action("preflight", {"images": "a:1", "on_unknown": "100%0A\r\n::error::b\x1b"})
        message = "input on_unknown: '100%250A%0D%0A::error::b?': expected warn, fail, or nothing"
        self.assertEqual([("error", " title=sigrelay preflight", message)], result.commands)
        result = self.run_action("preflight", {"images": "a:1", "on_unknown": "x" * 10000})
        self.assertLess(len(result.text), 400)

    def test_no_images(self):
        for images in ("", " ", "\n,\n", ","):
            self.refused(self.run_action("preflight", {"images": images}), "images")

    def test_hostile_images(self):
        for text in HOSTILE:
            self.run_action("preflight", {"images": text}, FAKE_PLAN="0 -")
        self.unharmed()
        for argv in self.argvs():
            # What got through is an argument of its own, and no flag.
            for word in argv[2:]:
                self.assertNotRegex(word, r"^-|\s")
                self.assertTrue(any(word in text for text in HOSTILE), word)

    def test_no_tag_and_no_image(self):
        for text in ("a", "r.io:5000/a", f"a@{DIGEST}", f"a:1@{DIGEST}", "https://r.io/a:1", "a:1,b", "*", "a:"):
            self.refused(self.run_action("preflight", {"images": text}), "images")
        for text in ("a:1", "r.io:5000/b/a:1", "[::1]:5000/a:1"):
            self.assertEqual(0, self.run_action("preflight", {"images": text}).code)

    def test_no_registry(self):
        for text in ("http://r:1", "r/a", "r:1,u@r", "r:1/"):
            given = {"images": "a:1", "insecure_registry": text}
            self.refused(self.run_action("preflight", given), "insecure_registry")
            self.refused(self.run_action("cleanup", {"insecure_registry": text}), "insecure_registry")

    def test_flag_as_image(self):
        for text in ("--json", "a:1\n--json", "a:1,-h"):
            self.refused(self.run_action("preflight", {"images": text}), "images")

    def test_exit_code_is_sigrelays(self):
        self.assertEqual(3, self.run_action("preflight", {"images": "a:1"}, FAKE_PLAN="3 -").code)

    def test_ledger_of_the_environment(self):
        self.run_action("preflight", {"images": "a:1", "ledger": ""}, SIGRELAY_LEDGER="elsewhere")
        self.assertIn("--ledger=elsewhere", self.argvs()[0])

    def test_ledger_with_a_line_in_it(self):
        self.refused(self.run_action("preflight", {"images": "a:1", "ledger": "a\nsigned=true"}), "ledger")

    def test_the_program(self):
        os.rename(self.program, self.path("elsewhere"))
        result = self.run_action("preflight", {"images": "a:1"})
        self.assertEqual(127, result.code)
        self.assertIn("no sigrelay on PATH", result.commands[0][2])
        self.assertEqual(0, self.run_action("preflight", {"images": "a:1", "sigrelay": self.path("elsewhere")}).code)
        for text in ("", self.path("no"), self.folder, "if", *HOSTILE):
            result = self.run_action("preflight", {"images": "a:1", "sigrelay": text})
            self.assertEqual(64 if text.strip() else 127, result.code, text)
        self.assertEqual(1, len(self.calls()))
        self.unharmed()


class TestSign(Place):
    def run_line(self, image, wait="30m", *more):
        return ["run", f"--ledger={self.ledger}", f"--for={wait}", *more, "--", "cosign", "sign", "--yes", image]

    def test_one_image(self):
        given = {name: "" for name in action("sign").inputs}
        result = self.run_action("sign", {**given, "images": IMAGE})
        self.assertEqual((0, "true"), (result.code, result.outputs["signed"]), result.text)
        self.assertEqual([self.run_line(IMAGE)], self.argvs())
        self.assertEqual([], result.commands)
        self.assertIn(f"| `{IMAGE}` | yes |", result.summary)

    def test_each_image_has_a_run(self):
        result = self.run_action("sign", {"images": f"{IMAGE},\n{OTHER}\n", "max_wait": "2h", "on_outage": "fail"})
        self.assertEqual((0, "true"), (result.code, result.outputs["signed"]))
        self.assertEqual([IMAGE, OTHER], [argv[-1] for argv in self.argvs()])
        for argv in self.argvs():
            self.assertIn("--on-outage=fail", argv)

    def test_outage_fails(self):
        result = self.run_action("sign", {"images": f"{IMAGE}\n{OTHER}"}, FAKE_PLAN="75 false")
        self.assertEqual((75, "false"), (result.code, result.outputs["signed"]))
        self.assertEqual(1, len(self.calls()))
        self.assertEqual("error", result.commands[0][0])
        self.assertIn("| **no** |", result.summary)

    def test_outage_continues(self):
        plan = "0 false\n0 true"
        result = self.run_action("sign", {"images": f"{IMAGE}\n{OTHER}", "on_outage": "continue"}, FAKE_PLAN=plan)
        self.assertEqual((0, "false"), (result.code, result.outputs["signed"]), result.text)
        self.assertEqual(2, len(self.calls()))
        self.assertEqual(["warning"], [c[0] for c in result.commands])
        self.assertIn(IMAGE, result.commands[0][2])
        self.assertIn(f"| `{IMAGE}` | **no** |\n| `{OTHER}` | yes |", result.summary)

    def test_a_command_that_fails_never_continues(self):
        result = self.run_action("sign", {"images": IMAGE, "on_outage": "continue"}, FAKE_PLAN="1 false")
        self.assertEqual((1, "false"), (result.code, result.outputs["signed"]))

    def test_silence_is_no_signature(self):
        for plan, on_outage in (("0 -", ""), ("0 false", ""), ("0 -", "continue")):
            result = self.run_action("sign", {"images": IMAGE, "on_outage": on_outage}, FAKE_PLAN=plan)
            self.assertEqual((1, "false"), (result.code, result.outputs["signed"]), plan)

    def test_images_share_the_wait(self):
        """A second of it has gone by when the second image comes to its turn."""
        slow = self.path("slow")
        with open(slow, "w", encoding="utf-8") as f:
            f.write(f'#!/bin/bash\nuntil [ "$SECONDS" -ge 1 ]; do sleep 0.05; done\nexec {self.program} "$@"\n')
        os.chmod(slow, 0o755)
        for wait, rest in (("10m", range(590, 600)), ("500ms", (0,)), ("0", (0,))):
            os.path.exists(self.path("calls")) and os.unlink(self.path("calls"))
            self.run_action("sign", {"images": f"{IMAGE}\n{OTHER}", "max_wait": wait, "sigrelay": slow})
            self.assertEqual(f"--for={wait}", self.argvs()[0][2])
            self.assertIn(int(self.argvs()[1][2].removeprefix("--for=").removesuffix("s")), rest)

    def test_command(self):
        text = 'cosign sign --yes "$IMAGE" | tee log\necho "$(date)"; `true`\n'
        result = self.run_action("sign", {"command": text, "on_outage": "continue"})
        self.assertEqual((0, "true"), (result.code, result.outputs["signed"]))
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
        self.assertEqual(
            [["run", f"--ledger={self.ledger}", "--for=30m", "--on-outage=continue", "--", *shell]], self.argvs()
        )
        self.unharmed()

    def test_the_commands_environment_is_the_jobs(self):
        self.run_action("sign", {"command": "true"}, IMAGE="mine")
        env = self.calls()[0]["env"]
        self.assertEqual("mine", env["IMAGE"])
        self.assertEqual([], [name for name in env if name.startswith("INPUT_")])

    def test_one_of_the_two(self):
        self.refused(self.run_action("sign", {}), "images")
        self.refused(self.run_action("sign", {"images": " ", "command": " \n"}), "images")
        self.refused(self.run_action("sign", {"images": IMAGE, "command": "true"}), "images")

    def test_images_by_digest_only(self):
        for text in ("app:1", "app", f"app@{DIGEST}0", "app@sha256:12", f"@{DIGEST}", f"--x@{DIGEST}", f"a|b@{DIGEST}"):
            self.refused(self.run_action("sign", {"images": f"{IMAGE}\n{text}"}), "images")
        for text in HOSTILE:
            self.refused(self.run_action("sign", {"images": text}), "images")
            self.refused(self.run_action("sign", {"images": f"{text}@{DIGEST}"}), "images")
        self.unharmed()

    def test_wrong_words(self):
        for text in ("ignore", "true", *HOSTILE):
            self.refused(self.run_action("sign", {"images": IMAGE, "on_outage": text}), "on_outage")
        for text in ("soon", "1d", "1.5h", "30", "-5s", "1h30m", "99999999s", *HOSTILE):
            self.refused(self.run_action("sign", {"images": IMAGE, "max_wait": text}), "max_wait")
        self.unharmed()

    def signalled(self, number, plan):
        """Signals the step's first process once sigrelay runs; its exit code."""
        sign = action("sign")
        given = {"images": f"{IMAGE}\n{OTHER}"}
        env = runner.step_environment(sign, sign.steps[0], given, {**self.env, "FAKE_PLAN": plan}, "")
        process = runner.start_step(sign.steps[0], env, sign.folder, self.cwd)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        until = time.monotonic() + 20
        while not os.path.exists(self.path("waits")) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(number)
        process.communicate(timeout=20)
        self.assertEqual(1, len(self.calls()))
        return process.returncode

    def test_sigint_reaches_sigrelay(self):
        self.assertEqual(128 + signal.SIGINT, self.signalled(signal.SIGINT, "wait - false"))

    def test_sigterm_reaches_sigrelay(self):
        self.assertEqual(128 + signal.SIGTERM, self.signalled(signal.SIGTERM, "wait - false"))

    def test_a_signal_leaves_the_exit_code_to_sigrelay(self):
        self.assertEqual(7, self.signalled(signal.SIGINT, "wait 7 false"))

    def test_nothing_is_signed_after_a_signal(self):
        self.assertEqual(128 + signal.SIGINT, self.signalled(signal.SIGINT, "wait 0 true"))


class TestCleanup(Place):
    def setUp(self):
        super().setUp()
        with open(self.ledger, "w", encoding="utf-8") as f:
            f.write("{}\n")

    def test_does_nothing_unless_true(self):
        for given in ({}, {"cleanup_on_failure": ""}, {"cleanup_on_failure": "false"}):
            result = self.run_action("cleanup", given, "failure")
            self.assertEqual((0, "notice"), (result.code, result.commands[0][0]), result.text)
        self.assertEqual([], self.calls())

    def test_takes_back(self):
        for status in ("failure", "cancelled", ""):
            result = self.run_action("cleanup", {"cleanup_on_failure": "true"}, status)
            self.assertEqual(0, result.code, result.text)
            self.assertEqual(["cleanup", f"--ledger={self.ledger}"], self.argvs()[-1])
        self.assertEqual(3, len(self.calls()))

    def test_everything(self):
        given = {"cleanup_on_failure": "true\n", "dry_run": "true", "insecure_registry": "r:1,s", "ledger": "work"}
        result = runner.run(action("cleanup"), given, self.env, self.folder, "failure")
        self.assertEqual(0, result.code, result.text)
        wanted = ["cleanup", "--ledger=work", "--insecure-registry=r:1", "--insecure-registry=s", "--dry-run"]
        self.assertEqual([wanted], self.argvs())

    def test_never_after_success(self):
        self.run_action("cleanup", {"cleanup_on_failure": "true"}, "success")
        self.run_action("cleanup", {"cleanup_on_failure": "true", "job_result": "success"}, "failure")
        self.assertEqual([], self.calls())
        # A job of its own succeeds; what counts is the one that pushed.
        self.run_action("cleanup", {"cleanup_on_failure": "true", "job_result": "failure"}, "success")
        self.run_action("cleanup", {"cleanup_on_failure": "true", "dry_run": "true"}, "success")
        self.assertEqual(2, len(self.calls()))

    def test_no_ledger(self):
        os.unlink(self.ledger)
        os.unlink(self.program)
        result = self.run_action("cleanup", {"cleanup_on_failure": "true"}, "failure")
        self.assertEqual((0, "notice"), (result.code, result.commands[0][0]), result.text)

    def test_unknown_words(self):
        for name in ("cleanup_on_failure", "dry_run", "job_result"):
            for word in ("yes", "True", "1", *HOSTILE):
                self.refused(self.run_action("cleanup", {"cleanup_on_failure": "true", name: word}, "failure"), name)
        self.unharmed()

    def test_exit_code_is_sigrelays(self):
        result = self.run_action("cleanup", {"cleanup_on_failure": "true"}, "failure", FAKE_PLAN="4 -")
        self.assertEqual(4, result.code)


def offences(spec, inputs=None):
    """What breaks the rules in the steps of an action or a workflow's job."""
    found = []
    for step in spec:
        if "${{" in step.get("run", ""):
            found.append(f"an expression in the text of run: {step['run']}")
        for key in ("if", "continue-on-error"):
            text = str(step.get(key, ""))
            for bare in re.findall(r"(?:inputs|vars|env)\.\w+(?!\s*[=!]=)\b(?!\s*[=!]=)", text):
                found.append(f"{key}: {text}: {bare} is a string, and 'false' counts as true")
            if key == "continue-on-error" and "${{" in text and "==" not in text:
                found.append(f"{key}: {text}: an empty value is an invalid template")
        if inputs is not None and "run" in step and "shell" not in step:
            found.append("run without a shell")
        if inputs is not None and set(step) - {"id", "name", "run", "shell", "env", "working-directory"}:
            found.append(f"a key that these actions do without: {sorted(step)}")
    return found


class TestFiles(unittest.TestCase):
    def test_rules_hold(self):
        for name in NAMES:
            self.assertEqual([], offences(action(name).steps, action(name).inputs))
        for job in self.example()["jobs"].values():
            self.assertEqual([], offences(job["steps"]))

    def test_rules_catch(self):
        for bad in (
            {"run": "echo ${{ inputs.x }}", "shell": "bash"},
            {"run": "x", "shell": "bash", "if": "inputs.x"},
            {"run": "x", "shell": "bash", "if": "${{ inputs.x && always() }}"},
            {"run": "x", "shell": "bash", "continue-on-error": "${{ inputs.x }}"},
            {"run": "x", "shell": "bash", "continue-on-error": "${{ fromJSON(steps.a.outputs.b) }}"},
            {"run": "x"},
        ):
            self.assertNotEqual([], offences([bad], {}), bad)
        self.assertEqual([], offences([{"run": "x", "if": "inputs.x == 'true'", "continue-on-error": "${{ inputs.x == 'true' }}"}]))

    def test_every_input_travels_by_env(self):
        for name in NAMES:
            env = {k: v for step in action(name).steps for k, v in step["env"].items()}
            wanted = {f"INPUT_{i.upper()}": "${{ inputs.%s }}" % i for i in action(name).inputs}
            self.assertEqual(wanted, {k: v for k, v in env.items() if k.startswith("INPUT_")})

    def test_no_defaults_in_yaml(self):
        """They would count for an absent key only, and not for an empty value."""
        for name in NAMES:
            self.assertEqual([], [i for i, spec in action(name).inputs.items() if "default" in spec])

    def test_every_input_and_output_is_told(self):
        with open(os.path.join(ROOT, "actions", "README.md"), encoding="utf-8") as f:
            readme = f.read()
        for name in NAMES:
            section = readme.split(f"\n## {name}\n")[1].split("\n## ")[0]
            for word in (*action(name).inputs, *action(name).outputs):
                self.assertIn(f"| `{word}` |", section, name)

    def example(self):
        with open(os.path.join(ROOT, "docs", "examples", "release.yml"), encoding="utf-8") as f:
            return yaml.safe_load(f)

    def test_the_example_knows_the_inputs(self):
        used = set()
        for job in self.example()["jobs"].values():
            for step in job["steps"]:
                match = re.fullmatch(r"\./\.sigrelay/actions/(\w+)", step.get("uses", ""))
                if match:
                    used.add(match.group(1))
                    self.assertLessEqual(set(step.get("with", {})), set(action(match.group(1)).inputs))
        self.assertEqual(set(NAMES), used)

    def test_scripts_can_be_run(self):
        for name in NAMES:
            self.assertTrue(os.access(os.path.join(ROOT, "actions", name, f"{name}.sh"), os.X_OK))


@unittest.skipUnless(SIGRELAY, "no SIGRELAY given")
class TestRealSigrelay(Place):
    """The program itself, with a cosign that notes what it is asked for."""

    def setUp(self):
        super().setUp()
        os.unlink(self.program)
        os.symlink(SIGRELAY, self.program)
        with open(self.path("bin/cosign"), "w", encoding="utf-8") as f:
            f.write(
                '#!/bin/sh\n[ "$1" = version ] && { echo \'{"gitVersion":"v2.6.5"}\'; exit 0; }\n'
                'echo "$COSIGN_REKOR_URL $*" >>"$FAKE_FOLDER/signed"\nexit "${COSIGN_EXIT:-0}"\n'
            )
        os.chmod(self.path("bin/cosign"), 0o755)

    def ledger_lines(self):
        with open(self.ledger, encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def test_sign(self):
        result = self.run_action("sign", {"images": f"{IMAGE}\n{OTHER}"}, GITHUB_RUN_ID="7")
        self.assertEqual((0, "true"), (result.code, result.outputs["signed"]), result.text)
        with open(self.path("signed"), encoding="utf-8") as f:
            lines = f.read().splitlines()
        self.assertEqual([f"sign --yes {IMAGE}", f"sign --yes {OTHER}"], [line.split(" ", 1)[1] for line in lines])
        self.assertTrue(all(line.startswith("http://127.0.0.1:") for line in lines), lines)
        self.assertEqual([("signed", DIGEST, "7.1")] * 2, [(e["event"], e["digest"], e["run"]) for e in self.ledger_lines()])

    def test_command(self):
        text = 'cosign sign --yes "$IMAGE" | cat\ncosign attest --yes "$IMAGE"'
        result = self.run_action("sign", {"command": text}, IMAGE=IMAGE)
        self.assertEqual((0, "true"), (result.code, result.outputs["signed"]), result.text)
        self.assertEqual([("signed", None)], [(e["event"], e.get("image")) for e in self.ledger_lines()])
        # The failure of what feeds a pipe is one, and ends the command.
        result = self.run_action("sign", {"command": text}, IMAGE=IMAGE, COSIGN_EXIT="5")
        self.assertEqual((5, "false"), (result.code, result.outputs["signed"]), result.text)
        with open(self.path("signed"), encoding="utf-8") as f:
            self.assertEqual(3, len(f.readlines()))

    def test_hostile_images(self):
        """What sigrelay says of them is no command to the runner, but for its own."""
        for text in HOSTILE:
            result = self.run_action("preflight", {"images": text})
            self.assertNotEqual(0, result.code, text)
            for name, properties, message in result.commands:
                self.assertEqual("error", name, result.text)
                self.assertIn("title=", properties)
                self.assertNotEqual("owned", message)
        self.unharmed()

    def test_wrong_settings_are_told(self):
        result = self.run_action("sign", {"images": IMAGE}, SIGRELAY_RETRY_FOR="soon")
        self.assertEqual((78, "false"), (result.code, result.outputs["signed"]), result.text)


def main():
    if SIGRELAY:
        subprocess.run([SIGRELAY, "version"], check=True, stdout=subprocess.DEVNULL)
    here, loader = sys.modules["__main__"], unittest.defaultTestLoader
    suite = loader.loadTestsFromNames(sys.argv[1:], here) if sys.argv[1:] else loader.loadTestsFromModule(here)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or skipped else 0


if __name__ == "__main__":
    sys.exit(main())
