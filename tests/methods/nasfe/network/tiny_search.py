"""A small search space."""

import torch

from facequal.methods.nasfe.network.supernet import SearchFusion, SearchSpace

SMALL = {"blocks": 2, "channels": 8, "cells": 3}


def fusion(std: float = 0.3, **arguments) -> SearchFusion:
    torch.manual_seed(0)
    searched = SearchFusion(SearchSpace(**(SMALL | arguments)), 12)
    for parameter in searched.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return searched
