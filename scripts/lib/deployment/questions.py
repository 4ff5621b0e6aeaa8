"""What a version is asked before it may stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .compose_stack import ColorService
from .failure import DeploymentFailure, ExitCode
from .options import Options
from .smoke_cases import Case, SmokeFileError, read_cases
from .smoke_command import SmokeCommand
from .smoke_test import SERVICE, SmokeTest, knows_service


@dataclass
class Questions:
    """One version's own cases, a program, both, or nothing: then its health alone speaks for it."""

    #: The version that has to answer; None if it is not known.
    version: str | None
    test: SmokeTest | None
    command: SmokeCommand | None
    #: Says where they come from, or why there are none.
    source: str
    #: Whether the cases were found beside the model, and nobody has said that they are meant.
    is_found: bool = False

    @property
    def is_empty(self) -> bool:
        return self.test is None and self.command is None


class QuestionBook:
    """Finds each version's questions: the new one's by the options, an old one's beside its model."""

    def __init__(self, options: Options, models: Path):
        """Reads the new version's, so that a mistake is found before anything is touched.

        Raises DeploymentFailure with the status USAGE.
        """
        self._options = options
        self._models = models
        #: Whether each service that was asked has the Predictor's service.
        self._is_predictor: dict[str, bool] = {}
        try:
            self._command = (
                None if options.smoke_command is None else SmokeCommand(options.smoke_command, options.smoke_timeout)
            )
            self._given = None if options.smoke_file is None else read_cases(options.smoke_file)
            own = self._file(options.version)
            if not options.is_smoke_off and self._given is None and self._command is None and own.exists():
                read_cases(own)
        except ValueError as error:
            raise DeploymentFailure(ExitCode.USAGE, str(error)) from None

    def of_new(self, services: list[ColorService]) -> Questions:
        version = self._options.version
        if self._given is not None:
            return self._questions(version, self._given, str(self._options.smoke_file))
        return self._of(version, services)

    def of_old(self, version: str | None, services: list[ColorService]) -> Questions:
        """What the version that served before is asked after a rollback."""
        if version is None:
            # A program that is told to expect a version can say nothing without one.
            return Questions(None, None, None, "its version is not known")
        return self._of(version, services)

    def settle(
        self, questions: Questions, services: list[ColorService], others: Sequence[ColorService] = ()
    ) -> Questions:
        """Leaves cases out that were found beside the model, where the server that now runs is not the Predictor.

        Only the server's own word counts: it doesn't know the Predictor's service (UNIMPLEMENTED). Where one of
        `others`, the color beside it, does know it, the cases stay: then a wrong image has been deployed.
        """
        first = services[0]
        if questions.test is None or not questions.is_found or first.grpc_address is None:
            return questions
        if first.name not in self._is_predictor:
            # No answer at all is a fault of the version, which its questions find.
            is_other = knows_service(first.grpc_address) is False and not any(
                other.may_be_predictor and other.grpc_address is not None and knows_service(other.grpc_address)
                for other in others
            )
            self._is_predictor[first.name] = not is_other
        if self._is_predictor[first.name]:
            return questions
        why = f"{first.name} does not know {SERVICE}, so it is not the Predictor, and no --smoke-command asks it"
        return Questions(questions.version, None, questions.command, why)

    def _of(self, version: str, services: list[ColorService]) -> Questions:
        file = self._file(version)
        if self._options.is_smoke_off:
            return self._questions(version, None, "--smoke none")
        if self._command is not None and self._given is None:
            return self._questions(version, None, f"--smoke-command {self._command.text}")
        if not all(service.may_be_predictor for service in services):
            return self._questions(version, None, "the service is not the Predictor, and no --smoke-command asks it")
        if not file.exists():
            return self._questions(version, None, f"there is no {file}")
        try:
            return self._questions(version, read_cases(file), str(file), is_found=True)
        except SmokeFileError as error:
            return self._questions(version, None, str(error))

    def _questions(self, version: str, cases: list[Case] | None, source: str, is_found: bool = False) -> Questions:
        return Questions(version, SmokeTest(cases, version) if cases else None, self._command, source, is_found)

    def _file(self, version: str) -> Path:
        return self._models / version / "smoke.json"
