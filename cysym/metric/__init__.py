"""Evaluation metrics: running averages of how well predictions match labels.

`base` holds the two sums every metric keeps (the local one, which Speedometer clears after each report, and
the global one of the whole epoch), `custom` what is made of other metrics or of a user's function, the other
modules the formulas by kind of task. Nothing here touches a graph; Module.score and Module.fit feed metrics
through `update_dict`.
"""

from .base import EvalMetric, alias, check_label_shapes, register
from .binary import F1, MCC
from .classification import PCC, Accuracy, TopKAccuracy
from .custom import Caffe, CompositeEvalMetric, CustomMetric, Loss, Torch, create, np
from .likelihood import CrossEntropy, NegativeLogLikelihood, Perplexity
from .regression import MAE, MSE, RMSE, PearsonCorrelation

__all__ = [
    "F1", "MAE", "MCC", "MSE", "PCC", "RMSE", "Accuracy", "Caffe", "CompositeEvalMetric", "CrossEntropy",
    "CustomMetric", "EvalMetric", "Loss", "NegativeLogLikelihood", "PearsonCorrelation", "Perplexity",
    "TopKAccuracy", "Torch", "alias", "check_label_shapes", "create", "np", "register",
]  # fmt: skip
