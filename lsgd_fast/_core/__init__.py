"""Compiled: one pass over X, from the rows of a problem to losses and gradients.

A pass over one leaf of rows, block by block; the threads of a team share the leaves:

    rows (matrix_t)     weights (k packed columns)
          |                    |
          +---- forward -------+       scores = X @ w
                   |
                  loss                 row gradients = d loss / d score
                   |    |
                   |    +------------  tallies: loss, error rate, smallest margin
                   |
                backward               partial gradient += row gradients @ X
                   |
    and after all leaves
                   |
                reduce                 gradient = sum of the partial gradients, in pairs

Structs
    types           the rows of a problem, as embedders describe them; ABI
    pass_types      a pass: what it reads, what it writes, what it sums
Drivers
    rowpass         a single pass by a team; the functions behind kernel.pxd; the design
    dispatch        the instruction set that runs a pass
    isa_baseline    the functions of a pass for one instruction set; likewise isa_avx2, isa_avx512
    isa             the gradient of a pass, for dense and for sparse rows; each of them compiles it
    layout          leaves and blocks of a pass, its memory, packed columns
    clock           seconds, for looks at signals and for deadlines
    team            threads of a team: barrier, shares of work; fork
    threads         the default number of threads
Forward and backward
    block           a block of rows: how each driver starts one
    leaves          leaves and pairs, the order of sums: how each driver starts and ends a leaf
    dense           dense rows: on panels (dense_tiles), or without a copy (dense_inplace)
    small_batch     fewer than eight dense rows of a batch, with the logistic loss
    sparse          CSR rows, whose gradients are summed by columns after all leaves; all models
    sparse_layout   indices of CSR rows, their copy by columns, how it is split
    slabs           slabs of CSR rows: their sums become gradients, in pairs
    multi           dense rows, models of several columns: softmax, two-layer networks
    load            elements of any type to float64; panels
    scaling         centred and scaled features
    reduce          gradients and tallies of all chunks, summed in pairs
Losses
    loss            the logistic loss
    loss_general    the other losses, and every loss in the log domain
    separating_losses  the losses with a separation margin, and the semi-circle loss, of one row
    multi_loss      softmax, two-layer networks
Vectors
    simd            vectors of 2, 4 and 8 lanes of float64
    vecmath         exp, log and their like on vectors
"""
