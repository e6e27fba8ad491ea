"""The questions that insights asks of the store. One question is one module, one SQL file and one test."""

from windrow_server.questions._model import Answer, Column, Question
from windrow_server.questions.registry import QUESTIONS, ask, question

__all__ = ["QUESTIONS", "Answer", "Column", "Question", "ask", "question"]
