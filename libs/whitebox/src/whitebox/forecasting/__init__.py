"""Forecasting a series from its own past: exponential smoothing, ARIMA, additive models, and how to judge them."""

from __future__ import annotations

from whitebox.forecasting._additive import AdditiveModel
from whitebox.forecasting._arima import ARIMA
from whitebox.forecasting._arma import arma_log_likelihood, coefficients_from_partial
from whitebox.forecasting._backtest import Backtest, backtest, mape, mase, rolling_origin, smape
from whitebox.forecasting._diagnostics import LjungBox, acf, ljung_box, pacf
from whitebox.forecasting._forecast import Forecast
from whitebox.forecasting._smoothing import ExponentialSmoothing, Smoothing, smooth

__all__ = [
    "ARIMA",
    "AdditiveModel",
    "Backtest",
    "ExponentialSmoothing",
    "Forecast",
    "LjungBox",
    "Smoothing",
    "acf",
    "arma_log_likelihood",
    "backtest",
    "coefficients_from_partial",
    "ljung_box",
    "mape",
    "mase",
    "pacf",
    "rolling_origin",
    "smape",
    "smooth",
]
